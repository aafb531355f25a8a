import type { NatsConnection } from '@nats-io/nats-core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { type ArchivedMessage, archivedMessage } from '../archive/archived-message.js';
import { differenceOf } from '../archive/difference.js';
import { checkCommit } from '../damage/commit-checksum.js';
import { EventFeeds } from '../jetstream-log/event-feeds.js';
import { messageOf } from '../jetstream-log/messages.js';
import { addConsumer } from '../jetstream/consumer-maker.js';
import { NOTHING } from '../jetstream/left-prefix.js';
import type { FeedMessage } from '../jetstream/pull-feed.js';
import { type ArchivedLog, type ArchivedRange, NO_ARCHIVE } from '../left/archived-log.js';

const BATCH = 256;

/** What was changed on its disk is not what was archived; the archive has it as it was, or operators gave it up. */
const isWhole = (message: FeedMessage): boolean => {
  try {
    checkCommit(messageOf(message));
    return true;
  } catch {
    return false;
  }
};

/** What the stream itself holds, whatever has left the log. */
async function* inStream(
  nc: NatsConnection,
  jsm: JetStreamManager,
  { from, to }: ArchivedRange,
): AsyncGenerator<readonly ArchivedMessage[]> {
  const whole = { current: () => Promise.resolve(NOTHING), look: () => Promise.resolve(NOTHING) };
  const makeReader = (options: Parameters<typeof addConsumer>[1]) => addConsumer(jsm, options);
  const feeds = new EventFeeds(nc, jsm, { left: whole, archive: NO_ARCHIVE, reader: 'leaving', makeReader });
  for await (const messages of feeds.replay({ filter: undefined, from, maxBatch: BATCH }, to))
    yield messages.filter(isWhole).map(archivedMessage);
}

/**
 * Compares a part of the stream with its archive, message by message.
 * @throws Error the archive does not hold what the stream holds, or cannot be read
 */
export const comparedWithArchive = async (
  nc: NatsConnection,
  jsm: JetStreamManager,
  archive: ArchivedLog,
  range: ArchivedRange,
): Promise<void> => {
  const difference = await differenceOf(archive.read(range), inStream(nc, jsm, range), range.to, range.from);
  if (difference !== undefined)
    throw new Error(
      `nothing is taken out of the event log, whose archive does not hold what it holds: ${difference.detail}, at sequence ${difference.sequence}`,
    );
};
