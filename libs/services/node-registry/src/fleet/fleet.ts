import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { nodeDecider, type NodeEvent, type NodeState } from '@fornax/domain';
import type { Loaded } from '@fornax/event-store';

/** All nodes, in memory: a fold of the node log, for answers that may be a moment old. Decisions read the tail first. */
@Injectable()
export class Fleet {
  private readonly nodes = new Map<string, Loaded<NodeState>>();

  get(nodeId: string): Loaded<NodeState> | undefined {
    return this.nodes.get(nodeId);
  }

  all(): readonly NodeState[] {
    return [...this.nodes.values()].map(({ state }) => state);
  }

  get size(): number {
    return this.nodes.size;
  }

  /** What a command has just led to, so that it holds here before the log comes round. */
  keep(nodeId: string, loaded: Loaded<NodeState>): void {
    const known = this.nodes.get(nodeId);
    if (!known || known.sequence < loaded.sequence) this.nodes.set(nodeId, loaded);
  }

  fold({ aggregate, aggregateId, sequence, events }: RecordedCommit): void {
    const known = this.nodes.get(aggregateId);
    if (aggregate !== 'node' || (known && sequence <= known.sequence)) return;
    // The aggregate's name in the subject is what makes these node events.
    const state = (events as readonly NodeEvent[]).reduce(nodeDecider.evolve, known?.state ?? nodeDecider.initial);
    this.nodes.set(aggregateId, { state, sequence });
  }
}
