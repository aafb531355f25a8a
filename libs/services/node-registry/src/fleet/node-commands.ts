import { Inject, Injectable } from '@nestjs/common';
import type { Actor, CommitMeta } from '@fornax/contracts';
import { nodeDecider, type NodeCommand, type NodeEvent, type NodeState } from '@fornax/domain';
import { decideAndAppend, loadAggregate, type Appended, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, LOGGER } from '@fornax/service-kit';
import { activeTraceparent, newId, type Clock } from '@fornax/base';
import type { Logger } from 'pino';
import { Fleet } from './fleet.js';
import { tellOf } from './node-tellings.js';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A command without its time, which is the registry's clock. */
export type TimelessNodeCommand = DistributiveOmit<NodeCommand, 'at'>;

/** Who asks, and why. */
export interface Asked {
  readonly by: Actor;
  readonly reason?: string | undefined;
}

/** Decides commands on nodes and appends what comes out; whoever appended an event writes its line in the platform's log, so there is one. */
@Injectable()
export class NodeCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly fleet: Fleet,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @throws CommandRejected the decider's no, such as node-not-found, node-retired, node-revoked
   * @throws LogUnavailable nothing was appended
   * @throws OutcomeUnknown, Outrun, AggregateStopped
   */
  async execute(
    nodeId: string,
    command: TimelessNodeCommand,
    { by: actor, reason }: Asked,
  ): Promise<Appended<NodeState, NodeEvent>> {
    const at = this.clock.now();
    const commitId = newId();
    const traceparent = activeTraceparent();
    const meta: CommitMeta = {
      actor,
      ...(reason === undefined ? {} : { reason }),
      source: 'node-registry',
      correlationId: commitId,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    // A decision without events appends nothing, so nothing would notice that it was made on an old state: the tail is read first.
    const loaded = await this.load(nodeId);
    const appended = await decideAndAppend({
      log: this.log,
      aggregate: 'node',
      id: nodeId,
      decider: nodeDecider,
      command: { ...command, at },
      commitId,
      meta,
      at,
      loaded,
    });
    this.fleet.keep(nodeId, appended);
    for (const event of appended.events) tellOf(this.logger, nodeId, event, meta);
    return appended;
  }

  /** Whether everything that the log tells of nodes is in the fleet. */
  async hasCaughtUp(): Promise<boolean> {
    return (await this.log.nextSequence(['node'], this.fleet.position)) === undefined;
  }

  /** The node as the log has it now. */
  load(nodeId: string): Promise<Loaded<NodeState>> {
    return loadAggregate(this.log, 'node', nodeId, nodeDecider, this.fleet.get(nodeId));
  }
}
