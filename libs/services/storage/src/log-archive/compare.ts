import { isSameMessage, withoutLeft, type ArchivedMessage, type OpenSegment } from '@fornax/event-store';

/** Where two sequences of messages differ first. */
export interface Difference {
  readonly sequence: number;
  readonly detail: string;
}

/** One message after the other, of batches. */
async function* each(batches: AsyncIterable<readonly ArchivedMessage[]>): AsyncGenerator<ArchivedMessage> {
  for await (const batch of batches) yield* batch;
}

/**
 * Compares archived messages with those of the live log, which begins at `first` (what lies before has left it), up to `to`. What the log has lost and operators gave up is in the archive alone, and no
 * difference.
 * @throws SegmentDamaged
 */
export const differenceOf = async (
  archived: AsyncIterable<readonly ArchivedMessage[]>,
  live: AsyncIterable<readonly ArchivedMessage[]>,
  to: number,
  first: number,
): Promise<Difference | undefined> => {
  const log = each(live)[Symbol.asyncIterator]();
  try {
    let next = await log.next();
    for await (const message of each(archived)) {
      if (message.sequence > to) break;
      if (next.done !== true && next.value.sequence < message.sequence)
        return { sequence: next.value.sequence, detail: 'the log has a message that the archive does not have' };
      if (next.done === true || next.value.sequence > message.sequence) continue;
      if (!isSameMessage(message, next.value) && !isSameMessage(withoutLeft(message, first), next.value))
        return { sequence: message.sequence, detail: 'the log and the archive hold different messages' };
      next = await log.next();
    }
    if (next.done !== true)
      return { sequence: next.value.sequence, detail: 'the log has a message that the archive does not have' };
    return undefined;
  } finally {
    await log.return?.(undefined);
  }
};

/**
 * Reads a segment to its end. @returns its hash, and when the stream took its last message, in milliseconds
 * @throws SegmentDamaged
 */
export const readThrough = async (
  segment: OpenSegment,
  onBatch: (batch: readonly ArchivedMessage[]) => void = () => undefined,
): Promise<{ readonly hash: string; readonly at: number }> => {
  const reading = segment.read();
  for (let at = 0; ;) {
    const next = await reading.next();
    if (next.done === true) return { hash: next.value, at };
    at = timeOf(next.value);
    onBatch(next.value);
  }
};

/** When the stream took the last of some messages, in milliseconds. */
export const timeOf = (messages: readonly ArchivedMessage[]): number =>
  Number((messages.at(-1)?.timeNs ?? 0n) / 1_000_000n);
