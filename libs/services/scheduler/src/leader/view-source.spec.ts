import { describe, expect, it } from '@jest/globals';
import { InMemoryLog } from '@fornax/event-store';
import { aCommit, submitted } from '@fornax/testing';
import type { Logger } from '../ports/logger.js';
import { loadView, type ViewCheckpoint } from './view-source.js';

/** Keeps what it is told, so that a spec can see how much of the log was read. */
const listener = (): { readonly logger: Logger; readonly said: object[] } => {
  const said: object[] = [];
  const note = (fields: object): void => void said.push(fields);
  return { said, logger: { debug: note, info: note, warn: note, error: note } };
};

const logWith = async (...taskIds: readonly string[]): Promise<InMemoryLog> => {
  const log = new InMemoryLog();
  for (const taskId of taskIds) await log.append('task', taskId, aCommit(taskId, [submitted(taskId)]), 0);
  return log;
};

/** A stored view that holds every commit up to a sequence. */
const storedUpTo = (log: InMemoryLog, sequence: number, epoch: string): ViewCheckpoint => ({
  load: async (view) => {
    for await (const batch of log.read({ from: 1, to: sequence })) for (const commit of batch) view.fold(commit);
    return { epoch, sequence };
  },
});

describe('loading the view', () => {
  it('reads only what came after the stored view', async () => {
    const log = await logWith('a', 'b', 'c');
    const { logger, said } = listener();
    const { view, sequence } = await loadView(log, storedUpTo(log, 2, (await log.head()).epoch), logger);
    expect({ tasks: view.taskCount(), sequence }).toEqual({ tasks: 3, sequence: 3 });
    expect(said).toContainEqual(expect.objectContaining({ from: 2, commits: 1 }));
  });

  it('uses a stored view that moved on while the scheduler started', async () => {
    const log = await logWith('a');
    const { epoch } = await log.head();
    const { logger, said } = listener();
    const moving: ViewCheckpoint = {
      load: async (view) => {
        await log.append('task', 'b', aCommit('b', [submitted('b')]), 0);
        return storedUpTo(log, 2, epoch).load(view);
      },
    };
    expect((await loadView(log, moving, logger)).view.taskCount()).toBe(2);
    expect(said).toContainEqual(expect.objectContaining({ from: 2, commits: 0 }));
  });

  it.each([
    ['of another log', (log: InMemoryLog): ViewCheckpoint => storedUpTo(log, 2, 'another')],
    [
      'ahead of the log',
      (log: InMemoryLog): ViewCheckpoint => ({ load: () => log.head().then(({ epoch }) => ({ epoch, sequence: 99 })) }),
    ],
    ['not readable', (): ViewCheckpoint => ({ load: () => Promise.reject(new Error('no database')) })],
  ])('replays the whole log when the stored view is %s', async (_what, checkpointOf) => {
    const log = await logWith('a', 'b');
    const { logger, said } = listener();
    expect((await loadView(log, checkpointOf(log), logger)).view.taskCount()).toBe(2);
    expect(said).toContainEqual(expect.objectContaining({ from: 0, commits: 2 }));
  });
});
