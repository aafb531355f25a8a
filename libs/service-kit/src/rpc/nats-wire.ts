import type { Msg } from '@nats-io/transport-node';
import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  IncomingEvent,
  IncomingRequest,
  OutgoingResponse,
} from '@nestjs/microservices';
import { rpcErrorOf } from './rpc-codec.js';

const UNREADABLE = Symbol('unreadable');

/** What Nest's NATS server sees of a plain JSON request: it wants an id for whatever must be answered. */
export class PlainJsonDeserializer implements ConsumerDeserializer {
  deserialize(message: Msg, options?: Record<string, unknown>): IncomingRequest | IncomingEvent {
    const data: unknown = payloadOf(message);
    return { pattern: options?.['channel'], data: data === UNREADABLE ? undefined : data, id: 'rpc' };
  }
}

const payloadOf = (message: Msg): unknown => {
  if (message.data.length === 0) return {};
  try {
    return message.json();
  } catch {
    // The handler's schema says what is missing; the caller gets an error reply instead of silence.
    return UNREADABLE;
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
