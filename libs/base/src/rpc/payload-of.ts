import type { Msg } from '@nats-io/nats-core';
import { requestBounds } from '@fornax/contracts';
import { parseMessage, refusalOf } from '../json/message-json.js';
import type { Refusals } from '../telemetry/dropped-messages.js';

/**
 * What a request says; undefined, and counted, when it cannot be read: the handler's schema says what is missing then, and the caller gets an error
 * reply instead of silence.
 */
export const payloadOf = (
  { subject, data }: Pick<Msg, 'subject' | 'data'>,
  dropped: Refusals<'too-large' | 'unreadable'>,
): unknown => {
  if (data.length === 0) return {};
  try {
    return parseMessage(data, requestBounds(subject));
  } catch (error) {
    dropped.refuse(refusalOf(error), { subject, err: error });
    return undefined;
  }
};
