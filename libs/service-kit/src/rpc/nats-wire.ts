import type { Msg } from '@nats-io/transport-node';
import type {
  ConsumerDeserializer,
  ConsumerSerializer,
  IncomingEvent,
  IncomingRequest,
  OutgoingResponse,
} from '@nestjs/microservices';
import { payloadOf, type Refusals, rpcErrorOf } from '@fornax/base';

/** What Nest's NATS server sees of a plain JSON request: it wants an id for whatever must be answered. */
export class PlainJsonDeserializer implements ConsumerDeserializer {
  constructor(private readonly dropped: Refusals<'too-large' | 'unreadable'>) {}

  deserialize(message: Msg, options?: Record<string, unknown>): IncomingRequest | IncomingEvent {
    return { pattern: options?.['channel'], data: payloadOf(message, this.dropped), id: 'rpc' };
  }
}

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
