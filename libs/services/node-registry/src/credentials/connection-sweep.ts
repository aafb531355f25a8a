import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { LOGGER } from '@fornax/service-kit';
import type { Logger } from 'pino';
import { NodeCommands } from '../fleet/node-commands.js';
import { AdmissionPolicy } from './admission-policy.js';
import { NodeConnections } from './node-connections.js';

const SWEEP_MS = 15_000;

/** Ends whatever a failed kick or a race with a revocation left behind. */
@Injectable()
export class ConnectionSweep implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private hasCaughtUp = false;

  constructor(
    private readonly policy: AdmissionPolicy,
    private readonly commands: NodeCommands,
    private readonly connections: NodeConnections,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    if (this.policy.refusal() !== undefined) return;
    this.timer = setInterval(() => {
      this.sweep().catch((err: unknown) => this.logger.warn({ err }, 'the connections of nodes cannot be looked at'));
    }, SWEEP_MS).unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Only once this process knows the nodes, or it would ask the log for each. */
  private async sweep(): Promise<void> {
    this.hasCaughtUp ||= await this.commands.hasCaughtUp();
    if (this.hasCaughtUp) await this.connections.endVoid(undefined, [0]);
  }
}
