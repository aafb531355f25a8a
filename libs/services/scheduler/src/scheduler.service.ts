import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { metrics } from '@opentelemetry/api';
import { STREAMS, allReportsSubject, isSnapshotReportSubject } from '@fornax/contracts';
import { consumeBatches, lead, Quarantine, takeAgain, type DurablePublisher, type EventLog } from '@fornax/event-store';
import {
  CLOCK,
  CORE_CONFIG,
  EVENT_LOG,
  HealthRegistry,
  ProjectionHost,
  LOGGER,
  MONOTONIC_CLOCK,
  NATS,
  PUBLISHER,
  RpcClient,
  Sealer,
  activeTraceparent,
  inSpan,
  newId,
  signLeaseClaims,
  type Clock,
  type CoreConfig,
  type MonotonicClock,
} from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { Leadership, type LeadershipPorts } from './leader/leadership.js';
import type { Logger } from './logger.js';
import { hearLeaseLists } from './rpc/lease-lists.js';
import { workCheckpoint } from './projections/work-checkpoint.js';
import { serveLeader } from './rpc/leader-rpc.js';
import type { NatsConnection } from './rpc/nats-connection.js';
import { overviewReplySchema } from './rpc/schemas.js';
import { SCHEDULER_RPC } from './rpc/subjects.js';
import { SCHEDULER_CONFIG, type SchedulerConfig } from './scheduler.config.js';

const REPORTS_CONSUMER = 'scheduler';
const PING_TIMEOUT_MS = 1_000;

const meter = metrics.getMeter('fornax.scheduler');

/** Takes part in the election, and schedules while it leads. A standby holds nothing: a new leader folds its view from the log. */
@Injectable()
export class SchedulerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private leadership: Leadership | undefined;
  private endTerm: (() => void) | undefined;

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PUBLISHER) private readonly publisher: DurablePublisher,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(SCHEDULER_CONFIG) private readonly config: SchedulerConfig,
    @InjectDataSource('scheduler') private readonly db: DataSource,
    private readonly sealer: Sealer,
    private readonly rpc: RpcClient,
    private readonly health: HealthRegistry,
    private readonly quarantine: Quarantine,
    projections: ProjectionHost,
  ) {
    // The stored fold that a term begins with holds what was folded after all: the next term does, too.
    projections.onFoldedAgain(() => this.endTerm?.());
    meter
      .createObservableGauge('fornax.scheduler.queue.instances', { description: 'Instances that wait for room' })
      .addCallback((result) => {
        if (this.leadership) result.observe(this.leadership.view.queue.waitingInstances);
      });
  }

  onApplicationBootstrap(): void {
    this.health.readiness('scheduler', () => this.readiness());
    const candidate = `${this.core.name}-${newId()}`;
    this.running = lead(
      this.nc,
      {
        name: 'scheduler',
        candidate,
        ttlMs: this.config.FORNAX_SCHEDULER_LEADER_TTL_MS,
        replicas: this.core.nats.replicas,
        signal: this.stop.signal,
        onError: (error) => this.logger.warn({ err: error }, 'the term as leader has failed'),
      },
      (epoch, signal) => this.term(epoch, signal),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running.catch((error: unknown) =>
      this.logger.warn({ err: error }, 'the scheduler did not stop cleanly'),
    );
  }

  private async term(epoch: number, signal: AbortSignal): Promise<void> {
    // Ends with the leadership, or when this term fails by itself: everything it started must stop before the next one.
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    this.endTerm = () => over.abort();
    try {
      const leadership = await Leadership.begin(
        this.ports(() => over.abort()),
        epoch,
        term,
      );
      this.leadership = leadership;
      serveLeader({
        nc: this.nc,
        leadership,
        secrets: this.sealer,
        sign: (claims) => signLeaseClaims(this.core.masterKey, claims),
        now: () => this.clock.now(),
        logger: this.logger,
        signal: term,
      });
      await leadership.run();
    } finally {
      this.leadership = undefined;
      over.abort();
    }
  }

  private ports(onSuperseded: () => void): LeadershipPorts {
    return {
      onSuperseded,
      log: this.log,
      checkpoint: workCheckpoint(this.db),
      publish: (subject, data, msgId, headers) => this.publisher.publish(subject, data, { msgId, headers }),
      consumeReports: (handle, signal) =>
        consumeBatches(
          this.nc,
          {
            stream: STREAMS.reports,
            durable: REPORTS_CONSUMER,
            filterSubject: allReportsSubject,
            signal,
            onState: this.health.follower('reports of nodes'),
            onError: (error) => this.logger.warn({ err: error }, 'reports could not be handled, trying again'),
          },
          handle,
        ),
      hearLists: (handle, signal) => hearLeaseLists(this.nc, this.logger, handle, signal),
      leaseLimits: { missingMs: this.config.FORNAX_LEASE_MISSING_MS, stuckMs: this.config.FORNAX_LEASE_STUCK_MS },
      keepReport: ({ subject, data, sequence = 0 }, reason) =>
        this.quarantine.keep(
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
          this.quarantine,
          {
            stream: STREAMS.reports,
            isOwn: (subject) => !isSnapshotReportSubject(subject),
            signal,
            onError: (error) => this.logger.warn({ err: error }, 'a kept report could not be handled, trying again'),
          },
          handle,
        ),
      onStopped: (stop) => this.quarantine.noticeStop(stop),
      now: () => this.clock.now(),
      elapsed: () => this.monotonic.elapsed(),
      newId: () => newId(),
      logger: this.logger,
      // Without a tracer there is no active span; the task's own trace goes on all the same.
      inSpan: (name, parent, work) =>
        inSpan(name, { parent, kind: 'producer' }, () => work(activeTraceparent() ?? parent)),
    };
  }

  /** Ready as the leader with its view caught up, or as a standby of a leader that answers. */
  private async readiness(): Promise<string | undefined> {
    if (this.leadership) return undefined;
    try {
      await this.rpc.request(SCHEDULER_RPC.overview, {}, overviewReplySchema, PING_TIMEOUT_MS);
      return undefined;
    } catch {
      return 'no scheduler leads yet';
    }
  }
}
