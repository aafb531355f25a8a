import { inputsOf, prefixOf, SubstitutionTooLong, type InstanceRow } from '@fornax/contracts';
import { parseRanges, type TaskSpec } from '@fornax/domain';

/** Bytes of a key of storage, and so of what one may begin with. */
const MOST_BYTES = 1_024;
/** Bytes of all buckets and prefixes of one instance: they travel in a header of each request of its node, which takes 16 KiB of headers. */
const MOST_BYTES_TOGETHER = 7_800;

/** What is wrong with a field of the creation. */
export interface InputProblem {
  readonly field: string;
  readonly text: string;
}

const IN_RESOURCES = 'advancedResourceBuckets';

/** @throws SubstitutionTooLong */
const problemOf = (task: Parameters<typeof inputsOf>[0], last: number, row: InstanceRow): InputProblem | undefined => {
  const { spec } = task;
  const inputs = inputsOf(task, last, row);
  const at = inputs.findIndex(({ prefix = '' }) => Buffer.byteLength(prefix) > MOST_BYTES);
  if (at !== -1) {
    const text = `The prefix of bucket ${at + 1} (${spec.resources[at]?.bucket}) is longer than ${MOST_BYTES} bytes with its constants filled in, and keys are not.`;
    return { field: IN_RESOURCES, text };
  }
  const places = new Set(inputs.map(({ bucket, prefix }) => JSON.stringify({ bucket, prefix })));
  const together = [...places].reduce((sum, place) => sum + Buffer.byteLength(place) + 1, 0);
  if (together > MOST_BYTES_TOGETHER) {
    const text = `The names and prefixes of the resource buckets are ${together} bytes together with constants filled in, and the most is ${MOST_BYTES_TOGETHER}: name fewer buckets, or shorter prefixes.`;
    return {
      field: spec.resources.some(({ prefix }) => prefix !== undefined) ? IN_RESOURCES : 'resourceBuckets',
      text,
    };
  }
  const folders = { resultsBucketPrefix: spec.resultsPrefix, snapshotBucketPrefix: spec.snapshotPrefix };
  const long = Object.entries(folders).find(
    ([, prefix]) => Buffer.byteLength(prefixOf(task, prefix, last, row) ?? '') > MOST_BYTES,
  );
  return (
    long && {
      field: long[0],
      text: `The prefix is longer than ${MOST_BYTES} bytes with its constants filled in, and keys are not.`,
    }
  );
};

/**
 * Says which prefixes no key can begin with, or are too much together, once constants and the number of the last instance, which is the longest, are
 * filled in.
 * @param row the longest values of the task's table
 * @returns undefined where all are fine
 */
export const inputProblem = (spec: TaskSpec, row: InstanceRow = {}): InputProblem | undefined => {
  const parsed = parseRanges(spec.instances);
  if ('rejection' in parsed) return undefined;
  const all = parsed.ranges;
  const last = (all.bounds.at(-1) ?? 1) - 1;
  try {
    return problemOf({ spec, all }, last, row);
  } catch (error) {
    if (error instanceof SubstitutionTooLong)
      return { field: IN_RESOURCES, text: 'The prefix of a bucket is far too long with its constants filled in.' };
    throw error;
  }
};
