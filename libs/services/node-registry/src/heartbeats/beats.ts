import { Inject, Injectable } from '@nestjs/common';
import type { Heartbeat } from '@fornax/contracts';
import type { Clock, MonotonicClock } from '@fornax/base';
import { CLOCK, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';
import { Fleet } from '../fleet/fleet.js';
import { HeartbeatWatch, type DiskNews, type SilentNode } from './heartbeat-watch.js';

/** The heartbeats that this process has heard of the nodes it knows, by its own clocks. */
@Injectable()
export class Beats {
  private readonly watch: HeartbeatWatch;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(NODE_REGISTRY_CONFIG) config: NodeRegistryConfig,
    private readonly fleet: Fleet,
  ) {
    this.watch = new HeartbeatWatch(config.FORNAX_NODE_GRACE_MS, monotonic.elapsed());
  }

  /**
   * Takes a heartbeat. A session to come would silence those that really come; one that this process has not folded yet is heard with its next beat.
   * @returns whether the node and its session are known
   */
  hear(heartbeat: Heartbeat): boolean {
    const known = this.fleet.get(heartbeat.nodeId);
    if (!known || heartbeat.nodeEpoch > known.state.epoch) return false;
    this.watch.hear(heartbeat, this.monotonic.elapsed(), this.clock.now());
    return true;
  }

  /** A node that has just joined is alive, before its first beat. */
  welcome(nodeId: string, epoch: number): void {
    this.watch.welcome(nodeId, epoch, this.monotonic.elapsed(), this.clock.now());
  }

  /** Listening begins anew: nobody has been silent for longer than from now on. */
  restart(): void {
    this.watch.restart(this.monotonic.elapsed());
  }

  lastBeat(nodeId: string): ReturnType<HeartbeatWatch['lastBeat']> {
    return this.watch.lastBeat(nodeId);
  }

  /** Nodes that have been silent for the grace period. */
  silent(): readonly SilentNode[] {
    return this.watch.silent(this.fleet.all(), this.monotonic.elapsed());
  }

  /** Nodes whose disks are not as the log says. */
  disks(): readonly DiskNews[] {
    return this.watch.disks(this.fleet.all(), this.monotonic.elapsed());
  }

  /** Milliseconds by the monotonic clock that silence is measured by. */
  elapsed(): number {
    return this.monotonic.elapsed();
  }
}
