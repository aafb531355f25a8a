import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  allHeartbeatsSubject,
  heartbeatSchema,
  heartbeatSubject,
  heldLeasesSubject,
  NODE_MESSAGES,
  type Heartbeat,
} from '@fornax/contracts';
import { lead } from '@fornax/event-store';
import {
  CLOCK,
  CORE_CONFIG,
  HealthRegistry,
  LOGGER,
  MONOTONIC_CLOCK,
  NATS,
  NODES_NATS,
  type CoreConfig,
} from '@fornax/service-kit';
import {
  DroppedMessages,
  MessageBudget,
  newId,
  parseMessage,
  refusalOf,
  type Clock,
  type MonotonicClock,
} from '@fornax/base';
import type { Logger } from 'pino';
import { Fleet } from '../fleet/fleet.js';
import { NodeCommands } from '../fleet/node-commands.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';
import { DiskTeller } from './disk-teller.js';
import { HeartbeatWatch, type SilentNode } from './heartbeat-watch.js';

const CHECKS_PER_GRACE = 20;
/** A check that comes this many intervals late means that this process stalled and may have missed beats. */
const STALLED_INTERVALS = 4;

/**
 * Hears all heartbeats, in every replica; the one that leads declares nodes lost. It waits a full grace period after its election, after a lost
 * connection and after a stall of its own (or of the server) before it declares anybody.
 */
@Injectable()
export class LossDetector implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly watch: HeartbeatWatch;
  private readonly disks: DiskTeller;
  private readonly budget = new MessageBudget(NODE_MESSAGES.heartbeat);
  private readonly stop = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private readonly dropped: DroppedMessages<
    'unreadable' | 'too-large' | 'too-often' | 'wrong-node' | 'unknown-session'
  >;

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    private readonly health: HealthRegistry,
    private readonly fleet: Fleet,
    private readonly commands: NodeCommands,
  ) {
    this.dropped = new DroppedMessages('heartbeats', logger);
    this.watch = new HeartbeatWatch(config.FORNAX_NODE_GRACE_MS, monotonic.elapsed());
    this.disks = new DiskTeller({
      news: () => this.watch.disks(this.fleet.all(), monotonic.elapsed()),
      commands,
      logger,
      elapsed: () => monotonic.elapsed(),
      restMs: config.FORNAX_NODE_GRACE_MS,
    });
  }

  onApplicationBootstrap(): void {
    const { signal } = this.stop;
    this.listen();
    void this.noticeReconnects();
    this.health.readiness('node-registry', () => undefined);
    this.running = lead(
      this.nc,
      {
        name: 'node-registry',
        candidate: `${this.core.name}-${newId()}`,
        ttlMs: this.config.FORNAX_NODE_REGISTRY_LEADER_TTL_MS,
        replicas: this.core.nats.replicas,
        signal,
        onError: (error) => this.logger.warn({ err: error }, 'the term as leading node registry has failed'),
      },
      (_epoch, leadership) => this.detect(leadership),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running.catch((error: unknown) =>
      this.logger.warn({ err: error }, 'the loss detector did not stop cleanly'),
    );
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
        this.hear(heartbeat);
        // What a node sends reaches one account alone, so the scheduler hears of its leases from here.
        if (heartbeat.held !== undefined) this.nc.publish(heldLeasesSubject(heartbeat.nodeId), data);
      } else this.dropped.refuse('wrong-node', { subject });
    } catch (error) {
      this.dropped.refuse(refusalOf(error), { subject });
    }
  }

  /** A session to come would silence those that really come. One that this process has not folded yet is heard with its next beat. */
  private hear(heartbeat: Heartbeat): void {
    const { nodeId, nodeEpoch } = heartbeat;
    const known = this.fleet.get(nodeId);
    if (known && nodeEpoch <= known.state.epoch) this.watch.hear(heartbeat, this.monotonic.elapsed(), this.clock.now());
    else this.dropped.passOver('unknown-session');
  }

  private async noticeReconnects(): Promise<void> {
    for await (const status of this.nodesNats.status()) {
      if (this.stop.signal.aborted) return;
      if (status.type === 'reconnect') this.watch.restart(this.monotonic.elapsed());
    }
  }

  private detect(leadership: AbortSignal): Promise<void> {
    const intervalMs = this.config.FORNAX_NODE_GRACE_MS / CHECKS_PER_GRACE;
    this.watch.restart(this.monotonic.elapsed());
    let checkedAt = this.monotonic.elapsed();
    let isChecking = false;
    const timer = setInterval(() => {
      const now = this.monotonic.elapsed();
      if (now - checkedAt > intervalMs * STALLED_INTERVALS) this.watch.restart(this.monotonic.elapsed());
      checkedAt = now;
      void this.disks.tell(leadership);
      if (isChecking || this.silent().length === 0) return;
      isChecking = true;
      void this.declareSilent(intervalMs * STALLED_INTERVALS, leadership).finally(() => (isChecking = false));
    }, intervalMs);
    return new Promise((resolve) => {
      leadership.addEventListener(
        'abort',
        () => {
          clearInterval(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  private silent(): readonly SilentNode[] {
    return this.watch.silent(this.fleet.all(), this.monotonic.elapsed());
  }

  /**
   * Silence counts only while this process can hear: a round trip to the server brings whatever the server still held for us, and one that
   * fails or takes long means that the silence may be ours.
   */
  private async declareSilent(slowMs: number, leadership: AbortSignal): Promise<void> {
    try {
      if ((await this.nodesNats.rtt()) > slowMs) this.watch.restart(this.monotonic.elapsed());
    } catch {
      this.watch.restart(this.monotonic.elapsed());
    }
    if (leadership.aborted) return;
    await Promise.all(this.silent().map((node) => this.declareLost(node)));
  }

  private async declareLost({ nodeId, epoch }: SilentNode): Promise<void> {
    try {
      const reason = 'it has been silent for the grace period';
      const asked = { by: 'service:node-registry', reason } as const;
      await this.commands.execute(nodeId, { type: 'LoseNode', epoch, cause: 'heartbeat' }, asked);
    } catch (error) {
      // The next check tries again.
      this.logger.warn({ nodeId, err: error }, 'a silent node could not be declared lost');
    }
  }
}
