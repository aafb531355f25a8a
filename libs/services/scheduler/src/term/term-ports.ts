import { Inject, Injectable } from '@nestjs/common';
import { activeTraceparent, inSpan, newId, type Clock, type MonotonicClock } from '@fornax/base';
import type { DurablePublisher } from '@fornax/event-store';
import { CLOCK, LOGGER, MONOTONIC_CLOCK, PUBLISHER } from '@fornax/service-kit';
import type { LeadershipPorts } from '../leader/leadership.js';
import type { Logger } from '../ports/logger.js';
import { NodeMessages } from './node-messages.js';

/** Binds a term to the world around it, all but the log: nodes, clocks, traces. */
@Injectable()
export class TermPorts {
  constructor(
    private readonly nodes: NodeMessages,
    @Inject(PUBLISHER) private readonly publisher: DurablePublisher,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  ports(): Omit<LeadershipPorts, 'log' | 'checkpoint' | 'onStopped' | 'settling' | 'onSuperseded'> {
    return {
      ...this.nodes.ports(),
      publish: (subject, data, msgId, headers) => this.publisher.publish(subject, data, { msgId, headers }),
      now: () => this.clock.now(),
      elapsed: () => this.monotonic.elapsed(),
      newId: () => newId(),
      logger: this.logger,
      // Without a tracer there is no active span; the task's own trace goes on all the same.
      inSpan: (name, parent, work) =>
        inSpan(name, { parent, kind: 'producer' }, () => work(activeTraceparent() ?? parent)),
    };
  }
}
