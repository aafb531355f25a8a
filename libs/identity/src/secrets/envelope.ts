import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';

const FIRST = 1;
const WITH_KEY_ID = 2;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Names a key without telling anything of it: 8 bytes of HMAC-SHA-256 under it. */
const idOf = (key: Uint8Array): Buffer =>
  createHmac('sha256', key).update('fornax/key-id').digest().subarray(0, KEY_ID_BYTES);

/** The id of a key in hex. */
export const keyIdOf = (key: Uint8Array): string => idOf(key).toString('hex');

/** What every envelope that is sealed with a key begins with: nine bytes, which are twelve letters of base64url and end where a letter does. */
export const startOfEnvelopes = (key: Uint8Array): string =>
  Buffer.concat([Buffer.of(WITH_KEY_ID), idOf(key)]).toString('base64url');

/** The id of the key that an envelope was made with, in hex; undefined for envelopes of before there were ids. @throws Error it is none */
export const keyIdIn = (sealed: string): string | undefined => {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes[0] === FIRST) return undefined;
  if (bytes[0] !== WITH_KEY_ID) throw new Error('not a sealed value');
  return bytes.subarray(1, 1 + KEY_ID_BYTES).toString('hex');
};

/**
 * Seals with AES-256-GCM: base64url of version, id of the key, nonce, tag and ciphertext. Two seals of one text differ.
 * @param identity what it belongs to: authenticated with it, so that it opens in no other place
 */
export const sealBytes = (key: Uint8Array, clear: Uint8Array, identity: string): string => {
  const head = Buffer.concat([Buffer.of(WITH_KEY_ID), idOf(key)]);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.concat([head, Buffer.from(identity, 'utf8')]));
  const sealed = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([head, nonce, cipher.getAuthTag(), sealed]).toString('base64url');
};

/** Bytes of what envelopes of `sealBytes` hold. @param sealedBytes of the envelopes, each without base64url */
export const clearBytesOf = (sealedBytes: number, envelopes: number): number =>
  sealedBytes - envelopes * (1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES);

/** Opens an envelope of any version; the first had neither key id nor identity. @throws Error it was changed, or sealed with another key or for another identity */
export const openBytes = (key: Uint8Array, sealed: string, identity: string): Buffer => {
  const bytes = Buffer.from(sealed, 'base64url');
  const version = bytes[0];
  const headBytes = version === WITH_KEY_ID ? 1 + KEY_ID_BYTES : 1;
  const isKnown = version === FIRST || version === WITH_KEY_ID;
  if (!isKnown || bytes.length < headBytes + NONCE_BYTES + TAG_BYTES) throw new Error('not a sealed value');
  const tagAt = headBytes + NONCE_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(headBytes, tagAt));
  if (version === WITH_KEY_ID)
    decipher.setAAD(Buffer.concat([bytes.subarray(0, headBytes), Buffer.from(identity, 'utf8')]));
  decipher.setAuthTag(bytes.subarray(tagAt, tagAt + TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(tagAt + TAG_BYTES)), decipher.final()]);
};
