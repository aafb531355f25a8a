import { describe, expect, it } from '@jest/globals';
import type { AccountDirectory } from '@fornax/identity';
import { TaskLookup } from './task-lookup.js';

type Parts = ConstructorParameters<typeof TaskLookup>;

const OWNER = 'ada';
const ids = Array.from({ length: 40 }, (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`);

/** A lookup over rows that are answered when `answer` is called. */
const lookupOf = (rows: readonly { readonly task_id: string; readonly owner: string }[]) => {
  const asked: (readonly string[])[] = [];
  const waiting: (() => void)[] = [];
  const query = (_sql: string, [wanted]: readonly [readonly string[]]): Promise<unknown> => {
    asked.push(wanted);
    return new Promise((resolve) => waiting.push(() => resolve(rows.filter(({ task_id: id }) => wanted.includes(id)))));
  };
  const stored = {
    statusOf: (row: { readonly task_id: string; readonly owner: string }) =>
      Promise.resolve({ taskId: row.task_id, fold: { owner: row.owner, deleteRequested: false, spec: {} } }),
  };
  const accounts: Pick<AccountDirectory, 'reaches'> = { reaches: ({ id }, owner) => id === owner };
  const lookup = new TaskLookup(
    { query } as unknown as Parts[0],
    {} as Parts[1],
    accounts as Parts[2],
    stored as unknown as Parts[3],
  );
  return { lookup, asked, answer: () => waiting.splice(0).forEach((go) => go()) };
};

describe('looking up tasks by their ids', () => {
  it('asks together for those that are asked for at the same time, and gives each its own', async () => {
    const { lookup, asked, answer } = lookupOf(ids.map((id) => ({ task_id: id, owner: OWNER })));
    const account = { id: OWNER } as Parameters<TaskLookup['find']>[0];
    const found = Promise.all(ids.map((id) => lookup.find(account, id)));
    let isDone = false;
    void found.then(() => (isDone = true));
    while (!isDone) {
      answer();
      await new Promise(setImmediate);
    }
    expect((await found).map(({ taskId }) => taskId)).toEqual(ids);
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(new Set(asked.flat())).toEqual(new Set(ids));
  });
});
