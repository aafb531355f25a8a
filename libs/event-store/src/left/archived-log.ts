import { headers as newHeaders } from '@nats-io/nats-core';
import type { ArchivedMessage } from '../archive/archived-message.js';
import type { FeedMessage } from '../jetstream/pull-feed.js';
import { LogUnavailable } from '../log/event-log.js';

export interface ArchivedRange {
  readonly from: number;
  /** Not behind what has left the log. */
  readonly to: number;
  /** Only these: subjects, or all of an aggregate (`fx.ev.task.>`); all when absent. */
  readonly subjects?: readonly string[];
}

/** The part of the log that has left it. Whoever implements it has compared what it gives with its hashes. */
export interface ArchivedLog {
  /**
   * Its messages in order, some at once.
   * @throws LogUnavailable it cannot be read at present
   */
  read(range: ArchivedRange): AsyncIterable<readonly ArchivedMessage[]>;
}

/** Of a log that nothing may leave, because nobody could read it then. */
export const NO_ARCHIVE: ArchivedLog = {
  async *read({ from, to }) {
    yield await Promise.reject<never>(
      new LogUnavailable(`commits ${from} to ${to} have left the event log, and its archive is not at hand here`),
    );
  },
};

/** As the log would give it. */
const feedMessageOf = ({ sequence, timeNs, subject, headers, data }: ArchivedMessage): FeedMessage => {
  const made = newHeaders();
  for (const [name, value] of headers) made.append(name, value);
  return {
    subject,
    data,
    headers: headers.length === 0 ? undefined : made,
    reply: '',
    sequence,
    deliveries: 1,
    pending: 0,
    sentNs: timeNs,
  };
};

/** The same messages, no more than `most` at once. */
export async function* inBatches(
  messages: AsyncIterable<readonly ArchivedMessage[]>,
  most: number,
): AsyncGenerator<readonly FeedMessage[]> {
  for await (const some of messages)
    for (let at = 0; at < some.length; at += most) yield some.slice(at, at + most).map(feedMessageOf);
}
