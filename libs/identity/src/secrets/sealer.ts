import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { Conflict } from '@fornax/base';
import { sealMasterKey } from './earlier-keys.js';
import { keyIdIn, keyIdOf, openBytes, sealBytes, startOfEnvelopes } from './envelope.js';

/** A 256-bit key of one owner object (a task, a secret), as used and as stored. */
export interface DataKey {
  /** The key sealed by the master key: may be stored and travel. */
  readonly wrapped: string;
  readonly key: Uint8Array;
}

/** It was sealed with another master key than this process has, or was changed. It stays closed; whoever knows what was in it gives it anew. */
export class SealedElsewhere extends Conflict {
  constructor(cause: unknown) {
    super(
      'This was sealed with a master key that is not here any more, so it cannot be opened: it must be given anew',
      {
        code: 'sealed-with-lost-key',
        cause,
      },
    );
  }
}

const orElsewhere = <T>(open: () => T): T => {
  try {
    return open();
  } catch (cause) {
    throw new SealedElsewhere(cause);
  }
};

/**
 * Encryption of secrets at rest (architecture, section 8): a data key for each owner object, wrapped by the master key.
 * Destroying the wrapped key destroys all that was sealed with it. Opening what was changed or sealed with another key throws, and so does opening
 * it as something else: `identity` is what an envelope belongs to. Envelopes of before there were identities open under any.
 */
export class Sealer {
  /** Made once: every HMAC with the bytes themselves would make it anew, which costs six times the HMAC. */
  private readonly fingerprintKey: KeyObject;
  /** By id. */
  private readonly masterKeys: ReadonlyMap<string, Uint8Array>;

  /**
   * @param masterKey seals
   * @param others open as well: what was sealed before the master key was changed, or will be once it is
   */
  constructor(
    private readonly masterKey: Uint8Array,
    others: readonly Uint8Array[] = [],
  ) {
    const all = [masterKey, ...others];
    if (all.some(({ length }) => length !== 32)) throw new Error('the master key must have 32 bytes');
    this.masterKeys = new Map(all.map((key) => [keyIdOf(key), key]));
    this.fingerprintKey = createSecretKey(masterKey);
  }

  /** The master key that seals, by its id. */
  get keyId(): string {
    return keyIdOf(this.masterKey);
  }

  /** What every envelope begins with that this master key seals. */
  get envelopeStart(): string {
    return startOfEnvelopes(this.masterKey);
  }

  /** The other master keys of this process, by their ids: earlier ones, or the next one. */
  get otherKeyIds(): readonly string[] {
    return [...this.masterKeys.keys()].filter((id) => id !== this.keyId);
  }

  /** Other master keys of this process, sealed by the one that seals. Never the next one: whoever has this one would open it. */
  sealedMasterKeys(keyIds: readonly string[]): readonly ReturnType<typeof sealMasterKey>[] {
    return keyIds.flatMap((id) => {
      const key = this.masterKeys.get(id);
      return key === undefined ? [] : [sealMasterKey(key, this.masterKey)];
    });
  }

  /** The id of the master key of this process that opens an envelope; undefined where it was another one. */
  keyIdOpening(sealed: string): string | undefined {
    for (const [id, key] of this.masterKeys)
      try {
        openBytes(key, sealed, '');
        return id;
      } catch {
        // Another one may open it.
      }
    return undefined;
  }

  /** A wrapped data key as the master key wraps it now. @throws SealedElsewhere */
  rewrap(wrapped: string, identity = ''): string {
    return sealBytes(this.masterKey, this.unwrap(wrapped, identity), identity);
  }

  newDataKey(identity = ''): DataKey {
    const key = randomBytes(32);
    return { key, wrapped: sealBytes(this.masterKey, key, identity) };
  }

  /** @throws SealedElsewhere */
  unwrap(wrapped: string, identity = ''): Uint8Array {
    return orElsewhere(() => this.openWithAny(wrapped, identity));
  }

  seal(key: Uint8Array, text: string, identity = ''): string {
    return sealBytes(key, Buffer.from(text, 'utf8'), identity);
  }

  open(key: Uint8Array, sealed: string, identity = ''): string {
    return openBytes(key, sealed, identity).toString('utf8');
  }

  /** The same for the same text, and of no use to guess the text with: HMAC-SHA256 (RFC 2104), base64url. */
  fingerprint(text: string): string {
    return createHmac('sha256', this.fingerprintKey).update('fingerprint\n').update(text).digest('base64url');
  }

  sealWithMaster(text: string): string {
    return this.seal(this.masterKey, text);
  }

  /** @throws SealedElsewhere */
  openWithMaster(sealed: string): string {
    return orElsewhere(() => this.openWithAny(sealed, '').toString('utf8'));
  }

  /** What a master key of this process opens; undefined where it was another one. */
  opened(sealed: string): string | undefined {
    try {
      return this.openWithAny(sealed, '').toString('utf8');
    } catch {
      return undefined;
    }
  }

  opens(sealed: string): boolean {
    return this.opened(sealed) !== undefined;
  }

  /** With the key that the envelope names; where it names none, with each. */
  private openWithAny(sealed: string, identity: string): Buffer {
    const id = keyIdIn(sealed);
    if (id !== undefined) return openBytes(this.masterKeys.get(id) ?? this.masterKey, sealed, identity);
    for (const key of this.masterKeys.values())
      try {
        return openBytes(key, sealed, identity);
      } catch {
        // Another one may open it.
      }
    return openBytes(this.masterKey, sealed, identity);
  }
}
