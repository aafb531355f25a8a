/** What a client asked for, as it was answered: `unknown` is an answer that never came, or one that says so. */
export interface Operation {
  readonly kind: 'submit' | 'abort';
  /** Of the task: its name, and what its runs call themselves. */
  readonly key: string;
  readonly outcome: 'ok' | 'fail' | 'unknown';
  /** When it was answered, in seconds since the machine's boot. */
  readonly at: number;
}

/** What the log had of the time between two moments (seconds since the machine's boot) is lost: the platform said so, and an operator accepted it. */
export interface Loss {
  readonly from: number;
  readonly until: number;
}

/** One run of one instance, as the outside recorder saw it; seconds since the machine's boot. */
export interface Run {
  readonly key: string;
  readonly instance: number;
  readonly from: number;
  readonly until: number;
  /** It came to the end of its command. */
  readonly isDone: boolean;
  /** It was there when the history ended. */
  readonly isOpen: boolean;
}

export interface LedgerLine {
  readonly instance: number;
  readonly attempt: number;
  readonly outcome: string;
  /** Time that is paid for. */
  readonly billedMs: number;
}

/** What the platform says of a task when everything is quiet again. */
export interface Ending {
  readonly key: string;
  readonly uuid: string;
  readonly state: string;
  readonly instances: number;
  /** Where its results are. */
  readonly bucket: string | null;
  /** Instances that it lists as completed, once for each time that it lists them. */
  readonly completed: readonly number[];
  readonly lines: readonly LedgerLine[];
}

/** Everything about a number of tasks from before the first command until all is quiet. */
export interface History {
  readonly operations: readonly Operation[];
  readonly runs: readonly Run[];
  readonly endings: readonly Ending[];
  readonly losses: readonly Loss[];
  /** Objects (`<bucket>/<key>`) that an operator gave up because the platform named them as damaged. */
  readonly givenUp: ReadonlySet<string>;
  /** How long it all took: nothing can have run for longer. */
  readonly elapsedMs: number;
}
