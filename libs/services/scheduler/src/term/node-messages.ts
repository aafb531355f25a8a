import { Inject, Injectable } from '@nestjs/common';
import { STREAMS, allReportsSubject, isSnapshotReportSubject } from '@fornax/contracts';
import { consumeBatches, Quarantine, takeAgain } from '@fornax/event-store';
import { HealthRegistry, LOGGER, NATS } from '@fornax/service-kit';
import { SCHEDULER_CONFIG, type SchedulerConfig } from '../config/scheduler.config.js';
import type { LeadershipPorts } from '../leader/leadership.js';
import type { Logger } from '../ports/logger.js';
import { hearLeaseLists } from '../rpc/lease-lists.js';
import type { NatsConnection } from '../rpc/nats-connection.js';

type NodePorts = Pick<
  LeadershipPorts,
  'consumeReports' | 'keepReport' | 'takeKeptReports' | 'hearLists' | 'leaseLimits' | 'forwardsNothing'
>;

const REPORTS_CONSUMER = 'scheduler';

/** Receives what nodes say: reports, those that were kept to be read again, and the lists of what nodes work on. */
@Injectable()
export class NodeMessages {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly quarantine: Quarantine,
    private readonly health: HealthRegistry,
    @Inject(SCHEDULER_CONFIG) private readonly config: SchedulerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  ports(): NodePorts {
    const { nc, logger, quarantine, config } = this;
    return {
      consumeReports: (handle, signal) =>
        consumeBatches(
          nc,
          {
            stream: STREAMS.reports,
            durable: REPORTS_CONSUMER,
            filterSubject: allReportsSubject,
            signal,
            onState: this.health.follower('reports of nodes'),
            onError: (error) => logger.warn({ err: error }, 'reports could not be handled, trying again'),
          },
          handle,
        ),
      keepReport: ({ subject, data, sequence = 0 }, reason) =>
        quarantine.keep(
          {
            stream: STREAMS.reports,
            sequence,
            subject,
            aggregate: null,
            aggregateId: null,
            reason,
            sizeBytes: data.length,
            headers: [],
          },
          data,
        ),
      takeKeptReports: (handle, signal) =>
        takeAgain(
          quarantine,
          {
            stream: STREAMS.reports,
            isOwn: (subject) => !isSnapshotReportSubject(subject),
            signal,
            onError: (error) => logger.warn({ err: error }, 'a kept report could not be handled, trying again'),
          },
          handle,
        ),
      hearLists: (handle, signal) => hearLeaseLists(nc, logger, handle, signal),
      forwardsNothing: config.FORNAX_WAYS === 'off',
      leaseLimits: { missingMs: config.FORNAX_LEASE_MISSING_MS, stuckMs: config.FORNAX_LEASE_STUCK_MS },
    };
  }
}
