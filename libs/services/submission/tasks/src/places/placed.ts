/**
 * Something that a new object (a task, a job) takes up beside the log before it is in the log. It ends once, in one of three ways:
 *
 *   reserved ── confirm ─────── the log has the object and the rows show it
 *            ── release ─────── the object did not come to be: what was reserved is free again
 *            ── leaveUnknown ── nobody knows whether it did: the rows, or the same request sent again, will tell
 */
export interface Reserved {
  /** What is left to do is done behind the answer. */
  readonly confirm: () => void;
  readonly release: () => Promise<void>;
  readonly leaveUnknown: () => void;
}

/** An object that may be made. */
export interface Placed<T> {
  readonly made: T;
  /** Gives it what is known only once its id is; comes after everything that is reserved. @throws Invalid something that it needs was refused */
  readonly bind: (id: string) => Promise<T>;
  /** What `bind` has reserved: it ends as the object's own reservation does. */
  readonly reserved?: () => Reserved;
}
