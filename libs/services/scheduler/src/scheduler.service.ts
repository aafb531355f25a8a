import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { metrics } from '@opentelemetry/api';
import { STREAMS, allReportsSubject, isSnapshotReportSubject } from '@fornax/contracts';
import {
  consumeBatches,
  lead,
  onGivenUp,
  Quarantine,
  takeAgain,
  type DurablePublisher,
  type EventLog,
} from '@fornax/event-store';
import {
  CLOCK,
  CORE_CONFIG,
  EVENT_LOG,
  HealthRegistry,
  ProjectionHost,
  LOGGER,
  MONOTONIC_CLOCK,
  LogWatch,
  NATS,
  NODES_NATS,
  PUBLISHER,
  type CoreConfig,
} from '@fornax/service-kit';
import { Sealer, signLeaseClaims } from '@fornax/identity';
import { RpcClient, activeTraceparent, inSpan, newId, type Clock, type MonotonicClock, delay } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { Leadership, type LeadershipPorts } from './leader/leadership.js';
import { settlingFor } from './leader/settling.js';
import type { Logger } from './ports/logger.js';
import { hearLeaseLists } from './rpc/lease-lists.js';
import { tellGivenUp } from './projections/given-up-places.js';
import { workCheckpoint } from './projections/work-checkpoint.js';
import { answerBeginAnew, serveLeader } from './rpc/leader-rpc.js';
import type { NatsConnection } from './rpc/nats-connection.js';
import { overviewReplySchema } from './rpc/schemas.js';
import { SCHEDULER_RPC } from './rpc/subjects.js';
import { SCHEDULER_CONFIG, type SchedulerConfig } from './config/scheduler.config.js';

const REPORTS_CONSUMER = 'scheduler';
const PING_TIMEOUT_MS = 1_000;

const meter = metrics.getMeter('fornax.scheduler');

/** Takes part in the election, and schedules while it leads. A standby holds nothing: a new leader folds its view from the log. */
@Injectable()
export class SchedulerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private leadership: Leadership | undefined;
  private forgetting = false;
  private endTerm: (() => void) | undefined;
  /** When this process heard that commits were given up, by its monotonic clock; long ago where that was before its start. */
  private givenUpAt = -Infinity;
  /** Highest epoch of another leader that the log has shown: the next term here is above it. */
  private seenEpoch = 0;

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
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
    private readonly watch: LogWatch,
    projections: ProjectionHost,
  ) {
    // A term goes on from what it began with. Where the log has lost some of that, or the rows were folded again, the next one begins with what is true now.
    projections.onFoldedAgain('work', () => void this.beginAnew());
    onGivenUp(quarantine, () => {
      this.givenUpAt = monotonic.elapsed();
      this.endTerm?.();
    });
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
        // An older log has an older count of terms with it, and nodes remember the higher one.
        // When it was accepted stands in Postgres, which may be lost, too: what the log itself has seen counts as well.
        epochFloor: () => Math.max(this.watch.lastAcceptedAt ?? 0, this.seenEpoch),
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

  /** Whoever leads, here or in another process, ends its term. A term that begins later begins with the rows as they are now anyway. */
  private async beginAnew(): Promise<void> {
    if (this.endTerm) return this.endTerm();
    try {
      await this.rpc.request(SCHEDULER_RPC.beginAnew, {}, z.object({}));
    } catch (error) {
      this.logger.warn({ err: error }, 'the leading scheduler could not be told that its rows were folded again');
    }
  }

  private async term(epoch: number, signal: AbortSignal): Promise<void> {
    // Ends with the leadership, or when this term fails by itself: everything it started must stop before the next one.
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    this.endTerm = () => over.abort();
    const stopListening = this.watch.onTrouble(() => over.abort());
    answerBeginAnew(this.nc, () => over.abort(), this.logger, term);
    try {
      await this.watch.opened(term);
      await this.letNodesForget(term);
      if (term.aborted) return;
      const ports = this.ports((seen) => {
        this.seenEpoch = Math.max(this.seenEpoch, seen);
        over.abort();
      });
      const leadership = await Leadership.begin({ ...ports, ...(await this.afterLosses()) }, epoch, term);
      this.leadership = leadership;
      serveLeader({
        nc: this.nc,
        nodesNats: this.nodesNats,
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
      this.endTerm = undefined;
      stopListening();
      over.abort();
    }
  }

  /**
   * After an operator accepted an older log nodes may run what it does not know of. Each ends all that it runs when it asks for its session the
   * next time, which is once in a grace period, or when it is cut off for two thirds of one: nothing is placed before.
   */
  private async letNodesForget(signal: AbortSignal): Promise<void> {
    const { acceptedForMs = Number.POSITIVE_INFINITY } = this.watch;
    const leftMs = 2 * this.config.FORNAX_NODE_GRACE_MS - acceptedForMs;
    if (leftMs <= 0) return;
    this.logger.warn(
      { leftMs },
      'the event log was accepted as it is: nothing is placed until nodes have ended what it does not know',
    );
    this.forgetting = true;
    await delay(Math.min(leftMs, 2 * this.config.FORNAX_NODE_GRACE_MS), signal);
    this.forgetting = false;
  }

  /** What is different for a while after operators have given up commits: see `Settling`. */
  private async afterLosses(): Promise<Partial<Pick<LeadershipPorts, 'settling' | 'checkpoint'>>> {
    const places = this.quarantine.damagedPlaces().filter(({ isGivenUp }) => isGivenUp);
    if (places.length === 0) return {};
    try {
      const { epoch } = await this.log.head();
      return this.settlingFor((await tellGivenUp(this.db, epoch, places)) ?? 0);
    } catch (error) {
      this.logger.warn({ err: error }, 'the stored view may know what the log has lost, and is not used');
      return { ...this.settlingFor(0), checkpoint: { load: () => Promise.resolve(undefined) } };
    }
  }

  /** @param passedMs by the clock of the database; this process' own counts, too, where it was there */
  private settlingFor(passedMs: number): Pick<LeadershipPorts, 'settling'> {
    const { FORNAX_NODE_GRACE_MS: graceMs, FORNAX_HEARTBEAT_LEASES_MS: listMs } = this.config;
    const settling = settlingFor({ graceMs, listMs }, passedMs, this.monotonic.elapsed() - this.givenUpAt);
    return settling ? { settling } : {};
  }

  private ports(onSuperseded: (seen: number) => void): LeadershipPorts {
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
    if (this.forgetting) return 'waits until nodes have ended what the accepted event log does not know';
    try {
      await this.rpc.request(SCHEDULER_RPC.overview, {}, overviewReplySchema, PING_TIMEOUT_MS);
      return undefined;
    } catch {
      return 'no scheduler leads yet';
    }
  }
}
