import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { every, Unavailable } from '@fornax/base';
import type { WaysReply, WaysRequest } from '@fornax/contracts';
import { LOGGER } from '@fornax/service-kit';
import { Forwarders } from '@fornax/tasks';
import { CarrierCalls, type CarriedRequest } from './carrier-calls.js';
import { ClusterCarriers } from './cluster-carriers.js';
import { WaysDoor } from './ways-door.js';

const LOOK_MS = 5_000;

interface Logger {
  warn(fields: object, message: string): void;
}

/**
 * Answers nodes that ask for ways into instances. Where several processes forward, any of them is asked; the instances of one cluster are all linked to the same one, which is asked for a
 * ticket.
 */
@Injectable()
export class ClusterWays implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stop: () => void = () => undefined;

  constructor(
    private readonly door: WaysDoor,
    private readonly clusters: ClusterCarriers,
    private readonly calls: CarrierCalls,
    private readonly forwarders: Forwarders,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.calls.serve(({ node, ...request }) => this.here(node, request));
    this.stop = every(LOOK_MS, () => this.look());
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** @param node that asks, as NATS permissions prove @throws Unavailable as `WaysDoor.rightsOf`, or the process that links its cluster does not answer now */
  async of(node: string, request: WaysRequest): Promise<WaysReply> {
    const rights = await this.door.rightsOf(node, request);
    if ('granted' in rights) return rights;
    if (rights.peerPorts.length > 0) {
      const carrier = await this.clusters.of(request.taskId);
      if (carrier !== this.clusters.own) return this.elsewhere(carrier, { ...request, node });
    }
    return this.sealed(this.door.grant(rights));
  }

  private async here(node: string, request: WaysRequest): Promise<WaysReply> {
    const rights = await this.door.rightsOf(node, request);
    return 'granted' in rights ? rights : this.sealed(this.door.grant(rights));
  }

  private async elsewhere(carrier: string, request: CarriedRequest): Promise<WaysReply> {
    try {
      return await this.calls.ask(carrier, request);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const now = await this.clusters.takeOver(request.taskId, carrier);
      // Another one than that: it is asked when the node asks again.
      if (now !== this.clusters.own) throw error;
      return this.here(request.node, request);
    }
  }

  /** Ends links of clusters that another process has taken over: their agents ask again, and are sent to where the others are. Never rejects. */
  private async look(): Promise<void> {
    try {
      for (const taskId of await this.clusters.elsewhereAmong(this.door.clusters)) this.door.leave(taskId);
    } catch (error) {
      this.logger.warn({ err: error }, 'who links clusters could not be looked at');
    }
  }

  private sealed(reply: WaysReply): WaysReply {
    return reply.granted ? { ...reply, forwarder: this.forwarders.seal } : reply;
  }
}
