import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import { nodeDecider, type NodeCommand, type NodeEvent, type NodeState } from '@fornax/domain';
import { decideAndAppend, loadAggregate, type Appended, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, activeTraceparent, newId, type Clock } from '@fornax/service-kit';
import { Fleet } from './fleet.js';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A command without its time, which is the registry's clock. */
export type TimelessNodeCommand = DistributiveOmit<NodeCommand, 'at'>;

/** Decides commands on nodes and appends what comes out. */
@Injectable()
export class NodeCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly fleet: Fleet,
  ) {}

  /**
   * @param actor `node:<id>`, `user:<id>` or `service:node-registry`
   * @throws CommandRejected node-not-found, node-retired
   * @throws LogUnavailable, VersionConflict
   */
  async execute(nodeId: string, command: TimelessNodeCommand, actor: string): Promise<Appended<NodeState, NodeEvent>> {
    const at = this.clock.now();
    const commitId = newId();
    const traceparent = activeTraceparent();
    const meta: CommitMeta = {
      actor,
      source: 'node-registry',
      correlationId: commitId,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    // A decision without events appends nothing, so nothing would notice that it was made on an old state: the tail is read first.
    const loaded = await loadAggregate(this.log, 'node', nodeId, nodeDecider, this.fleet.get(nodeId));
    return decideAndAppend({
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
  }
}
