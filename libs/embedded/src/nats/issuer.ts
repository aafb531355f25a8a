import { createAccount, fromSeed } from '@nats-io/nkeys';
import { loadOrCreateSecret } from '../secrets.js';
import type { AuthCallout } from './nats-config.js';

/** A new key for `AuthCallout`: its seed, to be kept by whoever admits nodes. */
export const newIssuerSeed = (): string => Buffer.from(createAccount().getSeed()).toString('utf8');

export const calloutOf = (seed: string): AuthCallout => ({ issuer: fromSeed(Buffer.from(seed)).getPublicKey() });

/** The key in a file, made first when there is none. */
export const loadOrCreateIssuer = async (seedFile: string): Promise<AuthCallout> =>
  calloutOf(await loadOrCreateSecret(seedFile, newIssuerSeed));
