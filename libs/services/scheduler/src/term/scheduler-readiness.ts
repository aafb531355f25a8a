import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { RpcClient } from '@fornax/base';
import { HealthRegistry } from '@fornax/service-kit';
import { overviewReplySchema } from '../rpc/schemas.js';
import { SCHEDULER_RPC } from '../rpc/subjects.js';
import { AcceptedLog } from './accepted-log.js';
import { Terms } from './terms.js';

const PING_TIMEOUT_MS = 1_000;

const SETTLING =
  'commits of the event log were given up: nothing is placed until nodes have ended what it does not know (docs/how-to/recover.md)';

/** Tells whether somebody schedules: this process, as the leader with its view caught up, or a leader that answers it. */
@Injectable()
export class SchedulerReadiness implements OnApplicationBootstrap {
  constructor(
    private readonly terms: Terms,
    private readonly log: AcceptedLog,
    private readonly rpc: RpcClient,
    private readonly health: HealthRegistry,
  ) {}

  onApplicationBootstrap(): void {
    this.health.readiness('scheduler', () => this.reason());
    this.health.warning('scheduler', () => (this.terms.current?.isHeld === true ? SETTLING : undefined));
  }

  private async reason(): Promise<string | undefined> {
    if (this.terms.current) return undefined;
    if (this.log.isForgetting) return 'waits until nodes have ended what the accepted event log does not know';
    try {
      await this.rpc.request(SCHEDULER_RPC.overview, {}, overviewReplySchema, PING_TIMEOUT_MS);
      return undefined;
    } catch {
      return 'no scheduler leads yet';
    }
  }
}
