import type { Commit, FornaxEvent } from '@fornax/contracts';
import { AT } from '@fornax/domain/specs';

/** A commit of these events. The id must be new for every decision. */
export const aCommit = <E extends FornaxEvent>(
  id: string,
  events: readonly E[],
  overrides: Partial<Commit<E>> = {},
): Commit<E> => ({
  id,
  events,
  meta: { actor: 'service:test', source: 'test', correlationId: `correlation-${id}` },
  at: AT,
  ...overrides,
});
