import { nodeDecider, type NodeEvent, type NodeState } from '@fornax/domain';

/** A node as its row tells it: the decider's state, and what only people ask for. */
export interface NodeRow {
  readonly state: NodeState;
  readonly warnings: readonly string[];
  /** Milliseconds; of the current or last session. */
  readonly joinedAt: number | null;
  /** Of the last loss; null while a later session lives. */
  readonly lostAt: number | null;
  readonly lostCause: string | null;
}

export const newNodeRow: NodeRow = {
  state: nodeDecider.initial,
  warnings: [],
  joinedAt: null,
  lostAt: null,
  lostCause: null,
};

export const evolveNodeRow = (row: NodeRow, event: NodeEvent): NodeRow => {
  const evolved = { ...row, state: nodeDecider.evolve(row.state, event) };
  if (event.type === 'NodeJoined')
    return { ...evolved, warnings: event.warnings, joinedAt: event.at, lostAt: null, lostCause: null };
  if (event.type === 'NodeLost') return { ...evolved, lostAt: event.at, lostCause: event.cause };
  return evolved;
};
