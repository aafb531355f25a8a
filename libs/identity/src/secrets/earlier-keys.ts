import type { EventLog } from '@fornax/event-store';
import { readWhole } from './read-whole.js';
import { keyIdOf, openBytes, sealBytes } from './envelope.js';

/** The aggregate of the platform's master keys. */
export const MASTER_KEY_RING = 'ring';

const identityOf = (keyId: string): string => `master-key/${keyId}`;

/** An earlier master key as the log keeps it, sealed by a later one. */
export const sealMasterKey = (key: Uint8Array, by: Uint8Array) => ({
  keyId: keyIdOf(key),
  by: keyIdOf(by),
  sealed: sealBytes(by, key, identityOf(keyIdOf(key))),
});

/** Master keys of before that the log keeps and that one of these opens, over as many rotations as there were. @throws Error the log cannot be read */
export const earlierMasterKeys = async (log: EventLog, keys: readonly Uint8Array[]): Promise<readonly Uint8Array[]> => {
  const known = new Map(keys.map((key) => [keyIdOf(key), key]));
  const ring = (await readWhole(log, 'master-key')).flatMap(({ events }) => events);
  // Each was sealed by one that came later: newest first opens all in one pass.
  for (const event of ring.toReversed()) {
    if (event.type !== 'MasterKeySucceeded' || known.has(event.keyId)) continue;
    const by = known.get(event.by);
    if (by !== undefined) known.set(event.keyId, openBytes(by, event.sealed, identityOf(event.keyId)));
  }
  return [...known.values()].filter((key) => !keys.includes(key));
};
