import { Invalid } from '@fornax/base';
import type { SnapshotConfig } from '@fornax/domain';
import type { TaskRef } from '../projections/task-refs.js';

/** What a request says of a snapshot; what it leaves open comes from the task. */
export interface AskedConfig {
  readonly whitelist?: string | undefined;
  readonly blacklist?: string | undefined;
  readonly bucket?: string | undefined;
  readonly bucketPrefix?: string | undefined;
}

/** An empty text means that there is none (contract, section 4.7). */
const chosen = (given: string | undefined, stored: string | null): string | null => {
  const text = given ?? stored;
  return text === '' ? null : text;
};

/** A task as it is once a plan is stored: what the plan says replaces what the task had. */
export const plannedTask = (asked: AskedConfig, task: TaskRef): TaskRef => ({
  ...task,
  snapshotBucket: chosen(asked.bucket, task.snapshotBucket),
  snapshotPrefix: chosen(asked.bucketPrefix, task.snapshotPrefix),
  snapshotWhitelist: chosen(asked.whitelist, task.snapshotWhitelist),
  snapshotBlacklist: chosen(asked.blacklist, task.snapshotBlacklist),
});

export const NO_BUCKET = {
  code: 'no-bucket',
  text: 'The snapshot needs a bucket: the task has neither a snapshot bucket nor a result bucket',
} as const;

/** Where a snapshot of a task goes; undefined: nowhere. */
export const bucketOf = ({ bucket }: AskedConfig, task: TaskRef): string | undefined =>
  [bucket, task.snapshotBucket, task.resultBucket].find(
    (name): name is string => name !== undefined && name !== null && name !== '',
  );

/** What a snapshot of a task takes, and where it goes. @throws Invalid no bucket to write to */
export const configOf = (asked: AskedConfig, task: TaskRef): SnapshotConfig => {
  const bucket = bucketOf(asked, task);
  if (bucket === undefined) throw new Invalid(NO_BUCKET.text, { code: NO_BUCKET.code });
  return {
    whitelist: chosen(asked.whitelist, task.snapshotWhitelist),
    blacklist: chosen(asked.blacklist, task.snapshotBlacklist),
    bucket,
    prefix: chosen(asked.bucketPrefix, task.snapshotPrefix),
  };
};

/** `snap_<task>_<yyyyMMddHHmmss>_<characters>`: clients take it as opaque (contract, section 3.20). @param length 4, unless many of a task come in one second */
export const snapshotIdOf = (taskId: string, at: number, unique: string, length = 4): string =>
  `snap_${taskId}_${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}_${unique.slice(-length)}`;
