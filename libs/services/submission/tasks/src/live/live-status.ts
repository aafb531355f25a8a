import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { allLiveSubject, liveMessageSchema, NODE_MESSAGES, parseLiveSubject } from '@fornax/contracts';
import { CLOCK, LOGGER, NODES_NATS } from '@fornax/service-kit';
import { DroppedMessages, MessageBudget, parseMessage, refusalOf, type Clock } from '@fornax/base';
import type { Nats } from '@fornax/event-store';
import { Forwarders } from './forwarders.js';
import { LiveBoard, type LiveLeases } from './live-board.js';

/**
 * What the instances of tasks do now, as their nodes tell every second. Every replica listens; nothing is stored, and a message that is lost or
 * malformed is made up for by the next.
 */
@Injectable()
export class LiveStatus implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly board: LiveBoard;
  private readonly budget = new MessageBudget(NODE_MESSAGES.live);
  private readonly dropped: DroppedMessages<'unreadable' | 'too-large' | 'too-often'>;
  private subscription: ReturnType<Nats['subscribe']> | undefined;

  constructor(
    @Inject(NODES_NATS) private readonly nats: Nats,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: { warn(fields: object, message: string): void },
    forwarders: Forwarders,
  ) {
    this.board = new LiveBoard((seal) => forwarders.of(seal));
    this.dropped = new DroppedMessages('live', logger);
  }

  onApplicationBootstrap(): void {
    this.subscription = this.nats.subscribe(allLiveSubject, {
      callback: (error, message) => {
        if (!error) this.hear(message);
      },
    });
  }

  private hear({ subject, data }: { readonly subject: string; readonly data: Uint8Array }): void {
    if (!this.budget.take(subject, data.length)) {
      this.dropped.refuse('too-often', { subject });
      return;
    }
    try {
      // The node is the one that NATS let publish there, whatever the message says.
      const node = parseLiveSubject(subject);
      const said = liveMessageSchema.parse(parseMessage(data, NODE_MESSAGES.live));
      if (node === undefined) this.dropped.refuse('unreadable', { subject });
      else this.board.take(node, said, this.clock.now());
    } catch (error) {
      this.dropped.refuse(refusalOf(error), { subject });
    }
  }

  beforeApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

  of(taskId: string): LiveLeases {
    return this.board.of(taskId, this.clock.now());
  }
}
