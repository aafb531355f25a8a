import type { Decider } from '@fornax/domain';
import { expect } from '@jest/globals';

/** Given, when, then over a decider; a failure prints the decision beside the expectation. */
export const specFor = <S, C, E>({ initial, decide, evolve }: Decider<S, C, E>) => ({
  given: (...history: readonly E[]) => {
    const state = history.reduce(evolve, initial);
    return {
      state,
      when: (command: C) => {
        const decision = decide(state, command);
        return {
          then: (...events: readonly E[]) => expect(decision).toEqual({ events }),
          thenRejected: (code: string) => expect(decision).toMatchObject({ rejection: { code } }),
        };
      },
    };
  },
});
