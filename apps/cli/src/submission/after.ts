import type { FornaxClient } from '@fornax/client';
import { InvalidArgumentError } from 'commander';
import { taskNamed } from '../session/named.js';

/** What a task waits for. */
export interface After {
  readonly task: string;
  readonly on: 'success' | 'failure' | 'any';
  readonly each?: boolean;
}
const ENDS = { ok: 'success', failed: 'failure', any: 'any' } as const;

/** The same with the ids of those tasks, however they were named. */
export const withIds = (client: FornaxClient, after: readonly After[]): Promise<After[]> =>
  Promise.all(after.map(async (one) => ({ ...one, task: await taskNamed(client, one.task) })));

/** Reads `<task>`, `failed:<task>`, `any:<task>`, and `each:` before that. @throws InvalidArgumentError */
export const afterOf = (text: string, before: readonly After[] = []): readonly After[] => {
  const [, each, end = 'ok', task = ''] = /^(?:(each):)?(?:(ok|failed|any):)?(.+)$/s.exec(text) ?? [];
  if (task === '')
    throw new InvalidArgumentError('must be a task, with ok:, failed: or any: in front, and each: before that');
  return [...before, { task, on: ENDS[end as keyof typeof ENDS], ...(each === undefined ? {} : { each: true }) }];
};
