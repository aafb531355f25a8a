import type { WirePool } from '@fornax/contracts';
import { preparationProblemOf, refreshFailuresOf, type PoolState } from '@fornax/domain';

/** Why it failed; else why its slots cannot be prepared or brought up to date while that is still tried. Each reason once. */
export const errorsOf = (state: PoolState): WirePool['errors'] => {
  if (state.failed) return [{ ...state.failed }];
  const preparation = preparationProblemOf(state);
  const refreshes = refreshFailuresOf(state).map(({ error: { code, message, debug } }) => ({
    code,
    message: `The newest resources could not be fetched: ${message}`,
    debug,
  }));
  const all = [...(preparation ? [{ ...preparation }] : []), ...refreshes];
  return [...new Map(all.map((error) => [`${error.code} ${error.message}`, error])).values()];
};
