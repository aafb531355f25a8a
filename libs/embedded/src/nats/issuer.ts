import { createAccount, fromSeed } from '@nats-io/nkeys';
import { renewableSecret } from '../secret/kept-secret.js';
import type { AuthCallout } from './nats-config.js';

/** A new key for `AuthCallout`: its seed, to be kept by whoever admits nodes. */
export const newIssuerSeed = (): string => Buffer.from(createAccount().getSeed()).toString('utf8');

export const calloutOf = (seed: string): AuthCallout => ({ issuer: fromSeed(Buffer.from(seed)).getPublicKey() });

const flawOf = (seed: string): string | undefined => {
  try {
    calloutOf(seed);
    return undefined;
  } catch {
    return 'holds no seed of an account key';
  }
};

/**
 * The key in a file. The server is told its public half at each start, so a new one serves as well when it is gone.
 * @param onRenewed told what was wrong with the file
 */
export const loadOrCreateIssuer = async (seedFile: string, onRenewed?: (flaw: string) => void): Promise<AuthCallout> =>
  calloutOf(await renewableSecret({ path: seedFile, create: newIssuerSeed, flawOf }, onRenewed));
