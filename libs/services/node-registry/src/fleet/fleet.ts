import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { nodeDecider, type NodeEvent, type NodeState } from '@fornax/domain';
import type { Loaded } from '@fornax/event-store';

/** All nodes, in memory: a fold of the node log, for answers that may be a moment old. Decisions read the tail first. */
@Injectable()
export class Fleet {
  private nodes = new Map<string, Loaded<NodeState>>();
  private last = 0;

  get(nodeId: string): Loaded<NodeState> | undefined {
    return this.nodes.get(nodeId);
  }

  all(): readonly NodeState[] {
    return [...this.nodes.values()].map(({ state }) => state);
  }

  get size(): number {
    return this.nodes.size;
  }

  /** Sequence of the last commit of a node that was folded. */
  get position(): number {
    return this.last;
  }

  /** What a command has just led to, so that it holds here before the log comes round. */
  keep(nodeId: string, loaded: Loaded<NodeState>): void {
    const known = this.nodes.get(nodeId);
    if (!known || known.sequence < loaded.sequence) this.nodes.set(nodeId, loaded);
  }

  /** Puts another fold in the place of this one, which may be of commits that the log has lost. */
  replaceBy({ nodes }: Fleet): void {
    this.nodes = nodes;
  }

  fold({ aggregate, aggregateId, sequence, events }: RecordedCommit): void {
    if (aggregate !== 'node') return;
    this.last = Math.max(this.last, sequence);
    const known = this.nodes.get(aggregateId);
    if (known && sequence <= known.sequence) return;
    // The aggregate's name in the subject is what makes these node events.
    const state = (events as readonly NodeEvent[]).reduce(nodeDecider.evolve, known?.state ?? nodeDecider.initial);
    this.nodes.set(aggregateId, { state, sequence });
  }
}
