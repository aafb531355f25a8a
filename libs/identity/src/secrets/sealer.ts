import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { Conflict } from '@fornax/base';

/** A 256-bit key of one owner object (a task, a secret), as used and as stored. */
export interface DataKey {
  /** The key sealed by the master key: may be stored and travel. */
  readonly wrapped: string;
  readonly key: Uint8Array;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Text sealed with AES-256-GCM: base64url of version, nonce, tag and ciphertext. Two seals of one text differ. */
const sealBytes = (key: Uint8Array, clear: Uint8Array): string => {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]).toString('base64url');
};

const openBytes = (key: Uint8Array, sealed: string): Buffer => {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < 1 + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION) throw new Error('not a sealed value');
  const tagAt = 1 + NONCE_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, tagAt));
  decipher.setAuthTag(bytes.subarray(tagAt, tagAt + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(tagAt + TAG_BYTES)), decipher.final()]);
};

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
 * Destroying the wrapped key destroys all that was sealed with it. Opening what was changed or sealed with another key throws.
 */
export class Sealer {
  /** Made once: every HMAC with the bytes themselves would make it anew, which costs six times the HMAC. */
  private readonly fingerprintKey: KeyObject;

  constructor(private readonly masterKey: Uint8Array) {
    if (masterKey.length !== 32) throw new Error('the master key must have 32 bytes');
    this.fingerprintKey = createSecretKey(masterKey);
  }

  newDataKey(): DataKey {
    const key = randomBytes(32);
    return { key, wrapped: sealBytes(this.masterKey, key) };
  }

  /** @throws SealedElsewhere */
  unwrap(wrapped: string): Uint8Array {
    return orElsewhere(() => openBytes(this.masterKey, wrapped));
  }

  seal(key: Uint8Array, text: string): string {
    return sealBytes(key, Buffer.from(text, 'utf8'));
  }

  open(key: Uint8Array, sealed: string): string {
    return openBytes(key, sealed).toString('utf8');
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
    return orElsewhere(() => this.open(this.masterKey, sealed));
  }

  /** What this master key opens; undefined where it was another one. */
  opened(sealed: string): string | undefined {
    try {
      return this.open(this.masterKey, sealed);
    } catch {
      return undefined;
    }
  }

  opens(sealed: string): boolean {
    return this.opened(sealed) !== undefined;
  }
}
