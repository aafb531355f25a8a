import type { CommitMeta } from '@fornax/contracts';
import { nodeDecider, type NodeEvent, type NodeState } from '@fornax/domain';

/** Who asked for a drain, when and why. */
export interface Drain {
  readonly at: number;
  readonly by: string;
  readonly reason: string | null;
}

/** A node as its row tells it: the decider's state, and what only people ask for. */
export interface NodeRow {
  readonly state: NodeState;
  readonly warnings: readonly string[];
  /** Milliseconds; of the current or last session. */
  readonly joinedAt: number | null;
  /** Of the last loss; null while a later session lives. */
  readonly lostAt: number | null;
  readonly lostCause: string | null;
  /** The drain that was asked for last and not ended; null when there is none, or nobody kept it. */
  readonly drain: Drain | null;
}

export const newNodeRow: NodeRow = {
  state: nodeDecider.initial,
  warnings: [],
  joinedAt: null,
  lostAt: null,
  lostCause: null,
  drain: null,
};

export const evolveNodeRow = (row: NodeRow, event: NodeEvent, { actor, reason }: CommitMeta): NodeRow => {
  const evolved = { ...row, state: nodeDecider.evolve(row.state, event) };
  if (event.type === 'NodeJoined')
    return { ...evolved, warnings: event.warnings, joinedAt: event.at, lostAt: null, lostCause: null };
  if (event.type === 'NodeLost') return { ...evolved, lostAt: event.at, lostCause: event.cause };
  // A session that begins drained repeats the event; who asked for it stays who it was.
  if (event.type === 'NodeDrained' && !row.state.isDrainRequested)
    return { ...evolved, drain: { at: event.at, by: actor, reason: reason ?? null } };
  return evolved.state.isDrainRequested ? evolved : { ...evolved, drain: null };
};
