import { STREAMS } from '@fornax/contracts';
import { followStream, type Nats, type FeedMessage, type FeedPace, type OnFollowing } from '@fornax/event-store';
import { startBehind, type FeedPlace } from './log-stream.js';

/** A piece of output as it lies in the stream. */
export interface LogMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly header: (name: string) => string | undefined;
  readonly sequence: number;
  /** When the stream took it, in nanoseconds. */
  readonly sentNs: bigint;
}

export interface LogFeedOptions {
  /** Last message that was handled. */
  readonly after: FeedPlace;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** Called with the reason why output cannot be followed, and with undefined when it can be followed (again). */
  readonly onState?: OnFollowing;
  readonly pace?: FeedPace;
  /** The stream has lost messages that were handled: what follows begins behind this sequence, with numbers that were used before. */
  readonly onGoneBack: (before: FeedPlace, sequence: number) => Promise<void>;
}

const BATCH = 128;
/** Output may be large: what is on its way at once is bounded. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/**
 * Hands over all output in the order of the stream, each message once, from where the caller's own checkpoint stands. A consumer without
 * acknowledgements that is made anew whenever something is missing: so nothing is skipped, also after a crash, and no order is lost.
 * `onBatch` is awaited; what it throws is tried again. Resolves when `signal` aborts.
 */
export const followOutput = async (
  nats: Nats,
  options: LogFeedOptions,
  onBatch: (batch: readonly LogMessage[]) => Promise<void>,
): Promise<void> => {
  const { signal, onError, onState, onGoneBack, pace } = options;
  let place = options.after;
  const begin = async (): Promise<string> => {
    const start = await startBehind(nats, place);
    if (start.hasGoneBack) {
      await onGoneBack(place, start.sequence);
      place = { ...place, sequence: start.sequence };
    }
    return start.consumer;
  };
  const follow = {
    stream: STREAMS.logs,
    begin,
    maxBatch: BATCH,
    maxBytes: MAX_BATCH_BYTES,
    signal,
    onError,
    ...(onState === undefined ? {} : { onState }),
    ...(pace === undefined ? {} : { pace }),
  };
  await followStream(nats, follow, async (messages) => {
    await onBatch(messages.map(toLogMessage));
    place = messages.at(-1) ?? place;
  });
};

const toLogMessage = ({ subject, data, headers, sequence, sentNs }: FeedMessage): LogMessage => ({
  subject,
  data,
  header: (name) => headers?.get(name) || undefined,
  sequence,
  sentNs,
});
