import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  allHeartbeatsSubject,
  heartbeatSchema,
  heartbeatSubject,
  heldLeasesSubject,
  NODE_MESSAGES,
} from '@fornax/contracts';
import { DroppedMessages, MessageBudget, parseMessage, refusalOf } from '@fornax/base';
import { LOGGER, NATS, NODES_NATS } from '@fornax/service-kit';
import type { Logger } from 'pino';
import type { NatsConnection } from '../connection/nats-connection.js';
import { Beats } from './beats.js';

type Refusal = 'unreadable' | 'too-large' | 'too-often' | 'wrong-node' | 'unknown-session';

/** Hears all heartbeats, in every replica, and passes on which leases nodes say they hold. */
@Injectable()
export class HeartbeatIntake implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly budget = new MessageBudget(NODE_MESSAGES.heartbeat);
  private readonly dropped: DroppedMessages<Refusal>;
  private readonly stop = new AbortController();

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
    private readonly beats: Beats,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.dropped = new DroppedMessages('heartbeats', logger);
  }

  onApplicationBootstrap(): void {
    this.listen();
    void this.noticeReconnects();
  }

  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  private listen(): void {
    const subscription = this.nodesNats.subscribe(allHeartbeatsSubject, {
      callback: (error, message) => {
        if (!error) this.read(message);
      },
    });
    this.stop.signal.addEventListener(
      'abort',
      () => {
        if (!this.nodesNats.isClosed()) subscription.unsubscribe();
      },
      { once: true },
    );
  }

  private read({ subject, data }: { readonly subject: string; readonly data: Uint8Array }): void {
    if (!this.budget.take(subject, data.length)) {
      this.dropped.refuse('too-often', { subject });
      return;
    }
    try {
      const heartbeat = heartbeatSchema.parse(parseMessage(data, NODE_MESSAGES.heartbeat));
      // The subject is what NATS permissions prove; a node may only speak for itself.
      if (subject === heartbeatSubject(heartbeat.nodeId)) {
        if (!this.beats.hear(heartbeat)) this.dropped.passOver('unknown-session');
        // What a node sends reaches one account alone, so the scheduler hears of its leases from here.
        if (heartbeat.held !== undefined) this.nc.publish(heldLeasesSubject(heartbeat.nodeId), data);
      } else this.dropped.refuse('wrong-node', { subject });
    } catch (error) {
      this.dropped.refuse(refusalOf(error), { subject });
    }
  }

  private async noticeReconnects(): Promise<void> {
    for await (const status of this.nodesNats.status()) {
      if (this.stop.signal.aborted) return;
      if (status.type === 'reconnect') this.beats.restart();
    }
  }
}
