import { isSameMessage, withoutLeft, type ArchivedMessage } from './archived-message.js';

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
