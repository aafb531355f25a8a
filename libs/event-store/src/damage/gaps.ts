/** Sequences from `from` to `through` (both included) that are not in the log although it never deletes. */
export interface Gap {
  readonly from: number;
  readonly through: number;
  /** How many of them are missing: all, unless the server could not say which. */
  readonly missing: number;
}

/** The state of a stream, with JetStream's field names. */
export interface StreamCounts {
  readonly messages: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** Sequences that are missing between the first and the last, if they were asked for. */
  readonly deleted?: readonly number[] | null;
}

const gapOf = (from: number, through: number): Gap => ({ from, through, missing: through - from + 1 });

/** Neighbors in a list of sequences become one gap. */
const rangesOf = (sequences: readonly number[]): readonly Gap[] => {
  const gaps: Gap[] = [];
  for (const sequence of [...sequences].sort((a, b) => a - b)) {
    const last = gaps.at(-1);
    if (last !== undefined && sequence === last.through + 1) gaps[gaps.length - 1] = gapOf(last.from, sequence);
    else gaps.push(gapOf(sequence, sequence));
  }
  return gaps;
};

/** What is gone of what has left the log. */
const goneOf = ({ first_seq: first }: StreamCounts, left: number): number => Math.max(0, Math.min(first - 1, left));

/** Sequences that the stream itself says it does not have, beside those of what has left it (`left` is the last of these). */
export const countMissing = (counts: StreamCounts, left = 0): number =>
  Math.max(0, counts.last_seq - counts.messages - goneOf(counts, left));

/**
 * What is missing by what a stream says of itself. The event stream does not expire, and what has left it is its beginning, so its sequences run from 1,
 * or from there, to its last without a gap. A message whose bytes were changed is still counted: only reading finds it.
 */
export const gapsIn = (counts: StreamCounts, left = 0): readonly Gap[] => {
  const missing = countMissing(counts, left);
  if (missing === 0) return [];
  const { first_seq: first, last_seq: last, deleted } = counts;
  const gone = goneOf(counts, left);
  const before = first > gone + 1 ? [gapOf(gone + 1, Math.min(first - 1, last))] : [];
  const between = rangesOf(deleted ?? []);
  const found = [...before, ...between];
  if (found.reduce((sum, gap) => sum + gap.missing, 0) === missing) return found;
  return [{ from: gone + 1, through: last, missing }];
};

/** What is missing when one that reads everything is given `next` after `position`. */
export const gapBefore = (next: number, position: number): Gap | undefined =>
  next > position + 1 ? gapOf(position + 1, next - 1) : undefined;

/** What is left of a gap beside those parts of it that are known already. */
export const without = (gap: Gap, known: readonly Pick<Gap, 'from' | 'through'>[]): readonly Gap[] =>
  known.reduce<readonly Gap[]>(
    (left, { from, through }) =>
      left.flatMap((part) => {
        if (through < part.from || part.through < from) return [part];
        const before = part.from < from ? [gapOf(part.from, from - 1)] : [];
        const after = through < part.through ? [gapOf(through + 1, part.through)] : [];
        return [...before, ...after];
      }),
    [gap],
  );

/** `sequence 7 is missing`, `sequences 31 to 60 are missing`. */
export const describeGap = ({ from, through, missing }: Gap): string => {
  if (missing === 1 && from === through) return `sequence ${from} is missing`;
  if (missing === through - from + 1) return `sequences ${from} to ${through} are missing (${missing})`;
  return `${missing} of the sequences ${from} to ${through} are missing`;
};
