import { createHash } from 'node:crypto';
import type { Sealer } from './sealer.js';

/** Tells whether two texts are the same one, without keeping them. */
export class Fingerprints {
  constructor(readonly fingerprint: (text: string) => string) {}
}

/** Nobody finds out by a fingerprint what the text was, also where there are few that it may have been. */
export const keyedFingerprints = (sealer: Sealer): Fingerprints => new Fingerprints((text) => sealer.fingerprint(text));

/** For a service without a master key, whose texts hold no secret that could be guessed. */
export const plainFingerprints = (): Fingerprints =>
  new Fingerprints((text) => createHash('sha256').update(text).digest('base64url'));
