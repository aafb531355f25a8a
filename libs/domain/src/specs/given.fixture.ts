import type { Decider } from '../shared/decider.js';
import { expect } from '@jest/globals';

/** Given, when, then over a decider. Reads as a sentence; a failure prints the decision beside the expectation. For specs only. */
export const specFor = <S, C, E>({ initial, decide, evolve }: Decider<S, C, E>) => ({
  given: (...history: readonly E[]) => {
    const state = history.reduce(evolve, initial);
    return {
      state,
      when: (command: C) => {
        const decision = decide(state, command);
        return {
          then: (...events: readonly E[]) => expect(decision).toEqual({ events }),
          thenNothing: () => expect(decision).toEqual({ events: [] }),
          thenRejected: (code: string) => expect(decision).toMatchObject({ rejection: { code } }),
        };
      },
    };
  },
});
