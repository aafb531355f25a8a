/** An object that may be made. */
export interface Placed<T> {
  readonly made: T;
  /** Gives it what is known only once its id is; comes after everything that is reserved. @throws Invalid something that it needs was refused */
  readonly bind: (id: string) => Promise<T>;
}
