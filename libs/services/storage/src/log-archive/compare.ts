import type { ArchivedMessage, OpenSegment } from '@fornax/event-store';

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
