import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { allLiveSubject, liveMessageSchema, parseLiveSubject } from '@fornax/contracts';
import { CLOCK, DroppedMessages, LOGGER, NATS, type Clock } from '@fornax/service-kit';
import type { Nats } from '../logs/log-feed.js';
import { LiveBoard, type LiveLeases } from './live-board.js';

/** @returns undefined for what is no JSON */
const jsonOf = (message: { json(): unknown }): unknown => {
  try {
    return message.json();
  } catch {
    return undefined;
  }
};

/**
 * What the instances of tasks do now, as their nodes tell every second. Every replica listens; nothing is stored, and a message that is lost or
 * malformed is made up for by the next.
 */
@Injectable()
export class LiveStatus implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly board = new LiveBoard();
  private readonly dropped: DroppedMessages<'unreadable'>;
  private subscription: ReturnType<Nats['subscribe']> | undefined;

  constructor(
    @Inject(NATS) private readonly nats: Nats,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: { warn(fields: object, message: string): void },
  ) {
    this.dropped = new DroppedMessages('live', logger);
  }

  onApplicationBootstrap(): void {
    this.subscription = this.nats.subscribe(allLiveSubject, {
      callback: (error, message) => {
        if (error) return;
        const read = liveMessageSchema.safeParse(jsonOf(message));
        // The node is the one that NATS let publish there, whatever the message says.
        const node = parseLiveSubject(message.subject);
        if (read.success && node !== undefined) this.board.take(node, read.data, this.clock.now());
        else this.dropped.refuse('unreadable', { subject: message.subject });
      },
    });
  }

  beforeApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

  of(taskId: string): LiveLeases {
    return this.board.of(taskId, this.clock.now());
  }
}
