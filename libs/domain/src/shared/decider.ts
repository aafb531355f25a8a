/** A decider's plain-data "no": `code` is stable and documented, `detail` is for people. Not an exception. */
export interface Rejection {
  readonly code: string;
  readonly detail: string;
}

/** What deciding a command gives: the events of one commit (none when there is nothing to do), or a rejection. */
export type Decision<E> = { readonly events: readonly E[] } | { readonly rejection: Rejection };

/** The whole behaviour of one aggregate. `evolve` is total: what happened, happened. */
export interface Decider<S, C, E> {
  readonly initial: S;
  readonly decide: (state: S, command: C) => Decision<E>;
  readonly evolve: (state: S, event: E) => S;
}

export const accept = <E>(...events: readonly E[]): Decision<E> => ({ events });

export const reject = (code: string, detail: string): { readonly rejection: Rejection } => ({
  rejection: { code, detail },
});

/** Makes an exhaustive switch fail to compile when a case is missing. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
};
