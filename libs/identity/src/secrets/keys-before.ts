import type { EventLog } from '@fornax/event-store';
import type { Sealer } from './sealer.js';
import { commitsOf, readWhole } from './read-whole.js';

/** The other master keys of a process, by their ids. */
export interface OtherKeys {
  /** They sealed something before the key that seals now did. */
  readonly earlier: readonly string[];
  /** The log does not show that: among them may be the next one. */
  readonly unproven: readonly string[];
}

/**
 * Tells which other master keys were in use before the one that seals, by what the log shows: the first token that each sealed, and the rotations it took
 * part in. That holds in every process, whichever of the keys its settings call the master key. @throws Error the log cannot be read
 */
export const keysBefore = async (log: EventLog, sealer: Sealer): Promise<OtherKeys> => {
  const others = sealer.otherKeyIds;
  if (others.length === 0) return { earlier: [], unproven: [] };
  const firstUse = new Map<string, number>();
  const used = (keyId: string, sequence: number): void =>
    void firstUse.set(keyId, Math.min(sequence, firstUse.get(keyId) ?? sequence));
  for (const { sequence, events } of await readWhole(log, 'master-key'))
    for (const event of events)
      if (event.type === 'MasterKeySucceeded') for (const keyId of [event.keyId, event.by]) used(keyId, sequence);
  const useOf = (keyId: string): number => firstUse.get(keyId) ?? Number.POSITIVE_INFINITY;
  const isBefore = (keyId: string): boolean => useOf(keyId) < useOf(sealer.keyId);
  for await (const { sequence, events } of commitsOf(log, 'account')) {
    // Nothing that comes from here on is earlier than what is known.
    if (others.every(isBefore) || useOf(sealer.keyId) < sequence) break;
    for (const event of events) {
      const isSealed = event.type === 'TokenIssued' && event.sealedSecret !== '';
      const keyId = isSealed ? sealer.keyIdOpening(event.sealedSecret) : undefined;
      if (keyId !== undefined) used(keyId, sequence);
    }
  }
  return { earlier: others.filter(isBefore), unproven: others.filter((keyId) => !isBefore(keyId)) };
};
