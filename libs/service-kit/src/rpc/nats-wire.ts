import type { Msg } from '@nats-io/transport-node';
import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  IncomingEvent,
  IncomingRequest,
  OutgoingResponse,
} from '@nestjs/microservices';
import { requestBounds } from '@fornax/contracts';
import { parseMessage, refusalOf } from '../json/message-json.js';
import type { Refusals } from '../telemetry/dropped-messages.js';
import { rpcErrorOf } from './rpc-codec.js';

/** What Nest's NATS server sees of a plain JSON request: it wants an id for whatever must be answered. */
export class PlainJsonDeserializer implements ConsumerDeserializer {
  constructor(private readonly dropped: Refusals<'too-large' | 'unreadable'>) {}

  deserialize(message: Msg, options?: Record<string, unknown>): IncomingRequest | IncomingEvent {
    return { pattern: options?.['channel'], data: payloadOf(message, this.dropped), id: 'rpc' };
  }
}

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

/** Turns Nest's answer into `{"ok"}` or `{"error"}`. */
export class PlainJsonSerializer implements ConsumerSerializer {
  serialize(packet: OutgoingResponse): { readonly data: string } {
    const reply =
      packet.err === undefined || packet.err === null
        ? { ok: packet.response ?? null }
        : { error: rpcErrorOf(packet.err) };
    return { data: JSON.stringify(reply) };
  }
}
