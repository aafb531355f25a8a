import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, NODES_NATS } from '@fornax/service-kit';
import type { Logger } from 'pino';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { NodeCommands } from '../fleet/node-commands.js';
import { Beats } from './beats.js';
import { DiskTeller } from './disk-teller.js';
import type { SilentNode } from './heartbeat-watch.js';

const CHECKS_PER_GRACE = 20;
/** A check that comes this many intervals late means that this process stalled and may have missed beats. */
const STALLED_INTERVALS = 4;

/**
 * Declares silent nodes lost, in the replica that leads. It waits a full grace period after its election, after a lost connection and after a stall of
 * its own (or of the server) before it declares anybody.
 */
@Injectable()
export class LossDetector {
  private readonly disks: DiskTeller;

  constructor(
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    private readonly beats: Beats,
    private readonly commands: NodeCommands,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.disks = new DiskTeller({
      news: () => beats.disks(),
      commands,
      logger,
      elapsed: () => beats.elapsed(),
      restMs: config.FORNAX_NODE_GRACE_MS,
    });
  }

  /** Looks for silent nodes until the leadership is over. */
  detect(leadership: AbortSignal): Promise<void> {
    const { beats } = this;
    const intervalMs = this.config.FORNAX_NODE_GRACE_MS / CHECKS_PER_GRACE;
    beats.restart();
    let checkedAt = beats.elapsed();
    let isChecking = false;
    const timer = setInterval(() => {
      const now = beats.elapsed();
      if (now - checkedAt > intervalMs * STALLED_INTERVALS) beats.restart();
      checkedAt = now;
      void this.disks.tell(leadership);
      if (isChecking || beats.silent().length === 0) return;
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

  /**
   * Silence counts only while this process can hear: a round trip to the server brings whatever the server still held for us, and one that
   * fails or takes long means that the silence may be ours.
   */
  private async declareSilent(slowMs: number, leadership: AbortSignal): Promise<void> {
    try {
      if ((await this.nodesNats.rtt()) > slowMs) this.beats.restart();
    } catch {
      this.beats.restart();
    }
    if (leadership.aborted) return;
    await Promise.all(this.beats.silent().map((node) => this.declareLost(node)));
  }

  private async declareLost({ nodeId, epoch, silentMs }: SilentNode): Promise<void> {
    try {
      const reason = 'it has been silent for the grace period';
      const heard = silentMs === undefined ? {} : { silentMs };
      const asked = { by: 'service:node-registry', reason } as const;
      await this.commands.execute(nodeId, { type: 'LoseNode', epoch, cause: 'heartbeat', ...heard }, asked);
    } catch (error) {
      // The next check tries again.
      this.logger.warn({ nodeId, err: error }, 'a silent node could not be declared lost');
    }
  }
}
