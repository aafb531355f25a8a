/**
 * Why a decider says no: the command itself is wrong, it may not be done, what it names is not there, or what is there stands in its way.
 * What each means on the wire is one table at the edge.
 */
export type RejectionKind = 'invalid' | 'forbidden' | 'not-found' | 'conflict';

/** A decider's plain-data "no": `kind` is for the edge, `code` is stable and documented, `detail` is for people. Not an exception. */
export interface Rejection {
  readonly kind: RejectionKind;
  readonly code: string;
  readonly detail: string;
}

/** What deciding a command gives: the events of one commit (none when there is nothing to do), or a rejection. */
export type Decision<E> = { readonly events: readonly E[] } | { readonly rejection: Rejection };

/** The whole behavior of one aggregate. `evolve` is total: what happened, happened. */
export interface Decider<S, C, E> {
  readonly initial: S;
  readonly decide: (state: S, command: C) => Decision<E>;
  readonly evolve: (state: S, event: E) => S;
}

export const accept = <E>(...events: readonly E[]): Decision<E> => ({ events });

export const reject = (kind: RejectionKind, code: string, detail: string): { readonly rejection: Rejection } => ({
  rejection: { kind, code, detail },
});

/** Makes an exhaustive switch fail to compile when a case is missing. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
};
