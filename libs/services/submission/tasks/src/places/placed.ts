import type { Reserved } from '../commands/reservation.js';

/** An object that may be made. */
export interface Placed<T> {
  readonly made: T;
  /** Gives it what is known only once its id is; comes after everything that is reserved. @throws Invalid something that it needs was refused */
  readonly bind: (id: string) => Promise<T>;
  /** What `bind` has reserved: it ends as the object's own reservation does. */
  readonly reserved?: () => Reserved;
}
