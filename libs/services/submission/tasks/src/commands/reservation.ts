/**
 * Something that a task takes up beside the log before it is in the log. It ends once, in one of three ways:
 *
 *   reserved ── confirm ─────── the log has the task and the rows show it
 *            ── release ─────── the task did not come to be: what was reserved is free again
 *            ── leaveUnknown ── nobody knows whether it did: the rows, or the same request sent again, will tell
 */
export interface Reserved {
  /** What is left to do is done behind the answer. */
  readonly confirm: () => void;
  readonly release: () => Promise<void>;
  readonly leaveUnknown: () => void;
}

/** What is reserved for one task: its name, and a place in its owner's quota. */
export interface Reservation extends Reserved {
  /** The task that the name belongs to: an earlier request's, when this request goes on with it. */
  readonly taskId: string;
  /** Whether the log cannot have the task yet. */
  readonly isNew: boolean;
}
