import { isDamageEntry } from './entries.js';
import type { Quarantine } from './quarantine.js';

/**
 * Calls the listener whenever operators have decided about all damage of the event log that is known here, and gave some of it up: what was folded
 * before, in memory or in rows, may be of commits that the log does not have any more. Each process hears of it, wherever it was decided.
 * @returns how to stop that
 */
export const onGivenUp = (quarantine: Quarantine, listener: () => void): (() => void) =>
  quarantine.onChange((entry) => {
    if (!isDamageEntry(entry) || entry.state === 'open') return;
    const places = quarantine.damagedPlaces();
    if (places.length > 0 && places.every(({ isGivenUp }) => isGivenUp)) listener();
  });
