import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';

/** Tells which commits hold an event of one of these types: for `SubscribeOptions.wants`. */
export const withEvents = (...types: readonly FornaxEvent['type'][]): ((commit: RecordedCommit) => boolean) => {
  const wanted: ReadonlySet<string> = new Set(types);
  return ({ events }) => events.some(({ type }) => wanted.has(type));
};
