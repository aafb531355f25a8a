import type { Msg, NatsConnection, Subscription, SubscriptionOptions } from '@nats-io/transport-node';
import { ServerNats } from '@nestjs/microservices';
import { isNodeRpcSubject } from '@fornax/contracts';
import { DroppedMessages, type WarningLogger, inSpan } from '@fornax/base';
import { PlainJsonDeserializer, PlainJsonSerializer } from './nats-wire.js';
import { RPC_QUEUE } from './rpc-handler.js';

/** What Nest's NATS server uses of a connection; ours are shared, that of nodes for what they ask, so closing it only ends these subscriptions. */
const sharedClient = (nats: NatsConnection, nodesNats: NatsConnection): unknown => {
  const subscriptions: Subscription[] = [];
  return {
    status: () => nats.status(),
    subscribe: (subject: string, options: SubscriptionOptions) => {
      const subscription = (isNodeRpcSubject(subject) ? nodesNats : nats).subscribe(subject, options);
      subscriptions.push(subscription);
      return subscription;
    },
    close: async () => {
      await Promise.allSettled(subscriptions.map((subscription) => subscription.drain()));
    },
  };
};

/** Nest's NATS transport on the process's connections, in plain JSON, each request in a span that continues the caller's trace. */
export class RpcServer extends ServerNats {
  constructor(
    private readonly connection: NatsConnection,
    private readonly nodes: NatsConnection,
    logger: WarningLogger,
  ) {
    super({
      queue: RPC_QUEUE,
      serializer: new PlainJsonSerializer(),
      deserializer: new PlainJsonDeserializer(new DroppedMessages('requests', logger)),
    } as ConstructorParameters<typeof ServerNats>[0]);
  }

  override createNatsClient(): Promise<unknown> {
    return Promise.resolve(sharedClient(this.connection, this.nodes));
  }

  override handleMessage(channel: string, message: Msg): Promise<unknown> {
    const parent = message.headers?.get('traceparent');
    const span = { kind: 'server' as const, ...(parent === undefined || parent === '' ? {} : { parent }) };
    return inSpan(`answer ${channel}`, span, () => super.handleMessage(channel, message));
  }
}
