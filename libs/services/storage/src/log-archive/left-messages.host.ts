import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import { serveLeftMessages } from '@fornax/event-store';
import { NATS } from '@fornax/service-kit';
import type { NatsConnection } from '@nats-io/transport-node';
import { LeftMessages } from './left-messages.js';

/** Answers services that read what has left the log, as soon as it can: nothing starts that cannot read the log, this process included. */
export class LeftMessagesHost implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(@Inject(NATS) nats: NatsConnection, @Inject(LeftMessages) left: LeftMessages) {
    this.stop = serveLeftMessages(nats, (range) => left.partOf(range));
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }
}
