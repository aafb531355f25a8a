import { Inject, Injectable } from '@nestjs/common';
import type { JoinReply } from '@fornax/contracts';
import type { NodeAccess } from '@fornax/domain';
import type { Clock } from '@fornax/base';
import { CLOCK, LogWatch } from '@fornax/service-kit';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';
import { Fleet } from '../fleet/fleet.js';
import { heartbeatInterval } from '../heartbeats/heartbeat-watch.js';

/** Tells a node that joins how it is to beat, when it is lost, and whether it is to get a new key. */
@Injectable()
export class SessionTerms {
  constructor(
    private readonly fleet: Fleet,
    private readonly watch: LogWatch,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
  ) {}

  for(access: NodeAccess | undefined): Omit<JoinReply, 'nodeEpoch'> {
    const {
      FORNAX_NODE_GRACE_MS: graceMs,
      FORNAX_HEARTBEAT_MS: baseMs,
      FORNAX_HEARTBEAT_LEASES_MS: listMs,
    } = this.config;
    const heartbeatMs = heartbeatInterval(baseMs, graceMs, this.fleet.size);
    const { lastAcceptedAt } = this.watch;
    return {
      heartbeatMs,
      graceMs,
      leaseListMs: Math.max(heartbeatMs, listMs),
      ...(lastAcceptedAt === undefined ? {} : { logAcceptedAt: lastAcceptedAt }),
      ...(this.isKeyDue(access) ? { rotate: true } : {}),
    };
  }

  /** Whether an operator asked for a new key, or the newest one is old enough. */
  private isKeyDue(access: NodeAccess | undefined): boolean {
    const newest = access?.keys.at(-1);
    if (!access || !newest) return false;
    const { FORNAX_NODE_KEY_ROTATION_MS: ageMs } = this.config;
    return access.isRotationRequested || (ageMs > 0 && this.clock.now() - newest.issuedAt >= ageMs);
  }
}
