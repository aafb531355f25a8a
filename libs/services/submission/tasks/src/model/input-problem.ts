import { inputsOf, SubstitutionTooLong } from '@fornax/contracts';
import { parseRanges, type TaskSpec } from '@fornax/domain';

/** Bytes of a key of storage, and so of what one may begin with. */
const MOST_BYTES = 1_024;

/**
 * Says which resource has a prefix that no key can begin with, once constants and the number of the last instance, which is the longest, are filled in.
 * @returns undefined where all are fine
 */
export const inputProblem = (spec: TaskSpec): string | undefined => {
  const parsed = parseRanges(spec.instances);
  if ('rejection' in parsed) return undefined;
  const all = parsed.ranges;
  const last = (all.bounds.at(-1) ?? 1) - 1;
  try {
    const at = inputsOf({ spec, all }, last).findIndex(({ prefix = '' }) => Buffer.byteLength(prefix) > MOST_BYTES);
    return at === -1
      ? undefined
      : `The prefix of bucket ${at + 1} (${spec.resources[at]?.bucket}) is longer than ${MOST_BYTES} bytes with its constants filled in, and keys are not.`;
  } catch (error) {
    if (error instanceof SubstitutionTooLong)
      return 'The prefix of a bucket is far too long with its constants filled in.';
    throw error;
  }
};
