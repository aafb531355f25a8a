import type { WireTask } from '@fornax/contracts';
import { folderOf } from '@fornax/domain';
import type { CompletedRecord } from '../model/completed-record.js';
import type { TaskStatus } from '../model/task-status.js';

/** URLs in one task: an answer stays one that a client can poll. */
const MOST_URLS = 2_000;

/** Of unknown address, a storage is named by none: `s3://` and the bucket. */
const baseOf = (storage: string | undefined, bucket: string): string => {
  const host = storage === undefined ? undefined : URL.parse(storage)?.host;
  return `s3://${host === undefined ? '' : `${host}/`}${bucket}/`;
};

const withNotes = (answer: WireTask, more: readonly string[]): WireTask => {
  const notes = [...answer.notes, ...more];
  return { ...answer, notes, fornax: { ...answer.fornax, notes } };
};

/**
 * Names the results of ended instances, one URL for each as `s3://<storage host>/<bucket>/<key>` (contract, section 7.9), and says how many are not named.
 * @param storage address of the storage, as clients are told
 */
export const withResults = (
  answer: WireTask,
  task: TaskStatus,
  completed: readonly CompletedRecord[],
  storage: string | undefined,
): WireTask => {
  const { resultBucket, resultsPrefix } = task.fold.spec;
  if (resultBucket === null || completed.length === 0) return answer;
  const base = baseOf(storage, resultBucket);
  const byInstance = new Map(completed.map((record) => [record.instance, record]));
  let [left, unnamed] = [MOST_URLS, 0];
  const completedInstances = answer.completedInstances.map((ended) => {
    const { results = [], folder, uploaded_files: files = 0 } = byInstance.get(ended.instanceId) ?? {};
    const place = base + (folder ?? folderOf(resultsPrefix) ?? '');
    const named = results.slice(0, left);
    left -= named.length;
    // Instances of before have names of none of theirs: nobody counts on them.
    if (results.length > 0) unnamed += Math.max(0, files - named.length);
    return { ...ended, results: named.map((path) => place + path) };
  });
  const more = unnamed > 0 ? [`${unnamed} results are stored that completedInstances do not name`] : [];
  return { ...withNotes(answer, more), completedInstances };
};
