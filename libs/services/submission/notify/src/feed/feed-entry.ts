import type { RecordedCommit } from '@fornax/contracts';
import { wireEventsOf, type KnownObject } from '@fornax/tasks';

/** An event ready to be sent: its JSON is made once for all who follow. */
export interface FeedEvent {
  readonly index: number;
  readonly type: string;
  readonly at: string;
  readonly json: string;
}

/** A commit about a task, a job or a pool, as those may see it who follow the log. */
export interface FeedEntry {
  readonly sequence: number;
  /** The task, the job or the pool that it is about. */
  readonly about: string;
  readonly owner: string;
  /** The status of a task shows it: its own commits, and snapshots that are complete. */
  readonly isInStatus: boolean;
  readonly events: readonly FeedEvent[];
  /** Characters of all its JSON. */
  readonly chars: number;
}

export const entryOf = (commit: RecordedCommit, about: KnownObject): FeedEntry => {
  const events = wireEventsOf(commit, about).map((event) => {
    const { index, type, at } = event;
    return { index, type, at, json: JSON.stringify(event) };
  });
  return {
    sequence: commit.sequence,
    about: about.id,
    owner: about.owner,
    isInStatus: commit.aggregate === 'task' || commit.events.some(({ type }) => type === 'SnapshotCompleted'),
    events,
    chars: events.reduce((sum, { json }) => sum + json.length, 0),
  };
};
