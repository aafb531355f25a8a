import type { FileHandle } from 'node:fs/promises';

/** A process of an instance by which its namespaces are found, as `fornax-init` takes it. */
export interface InsideProcess {
  readonly pid: number;
  /** Of its namespace of processes, which nobody else has while `hold` is open. */
  readonly namespace: string;
  readonly hold: FileHandle;
}

/** The process of an instance that the agent knows. */
export interface KnownProcess {
  readonly pid: number;
  /** Whether it has ended: its number may be another's then. */
  readonly isOver: () => boolean;
  /** Finds the first process inside of the namespaces; absent: that is the only child of this one. @throws Error it is not seen here */
  readonly inside?: (() => Promise<InsideProcess>) | undefined;
}
