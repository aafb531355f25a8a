import { createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';

/*
 * NATS keys are Ed25519 keys in base32 with a prefix and a check sum (ADR-14 of NATS). The package of the NATS clients signs and verifies
 * in JavaScript, at 40 to 70 ms each on a loaded core (2026-11-26): too slow for a fleet that connects again at once. Node's own takes 0.1.
 */

export type NkeyKind = 'user' | 'account' | 'server';

const PREFIX: Readonly<Record<NkeyKind, number>> = { user: 20 << 3, account: 0, server: 13 << 3 };
const SEED_PREFIX = 18 << 3;
const KEY_BYTES = 32;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const toBase32 = (bytes: Uint8Array): string => {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >>> (bits - 5)) & 31] ?? '';
    value &= 0xff;
  }
  return bits > 0 ? text + (ALPHABET[(value << (5 - bits)) & 31] ?? '') : text;
};

const fromBase32 = (text: string): Buffer | undefined => {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const at = ALPHABET.indexOf(letter);
    if (at < 0) return undefined;
    value = ((value << 5) | at) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >>> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
};

/** CRC-16/XMODEM. */
const crc16 = (bytes: Uint8Array): number => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
};

const encode = (bytes: Uint8Array): string => {
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc16(bytes));
  return toBase32(Buffer.concat([bytes, sum]));
};

const decode = (text: string, length: number): Buffer | undefined => {
  const bytes = fromBase32(text);
  if (bytes?.length !== length + 2 || toBase32(bytes) !== text) return undefined;
  const content = bytes.subarray(0, length);
  return bytes.readUInt16LE(length) === crc16(content) ? content : undefined;
};

/** The 32 bytes of a public key of that kind; undefined when it is none. */
const rawPublicKey = (text: string, kind: NkeyKind): Buffer | undefined => {
  const bytes = decode(text, 1 + KEY_BYTES);
  return bytes?.[0] === PREFIX[kind] ? bytes.subarray(1) : undefined;
};

export const isPublicNkey = (text: string, kind: NkeyKind): boolean => rawPublicKey(text, kind) !== undefined;

/** Whether the holder of this public key signed `data`; false, too, when it is no key of that kind. */
export const verifyNkey = (publicKey: string, kind: NkeyKind, data: Uint8Array, signature: Uint8Array): boolean => {
  const raw = rawPublicKey(publicKey, kind);
  if (!raw) return false;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  return verify(null, data, key, signature);
};

/** PKCS #8 in front of the 32 bytes of a private Ed25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const privateKey = (raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });

const rawOfPublic = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);

/** A key pair that signs; its text is a secret. */
export interface Nkey {
  /** `SU…` or `SA…`: keep it, show it to nobody. */
  readonly seed: string;
  readonly publicKey: string;
  sign(data: Uint8Array): Buffer;
}

const nkeyOf = (seed: string, raw: Uint8Array, kind: NkeyKind): Nkey => {
  const key = privateKey(raw);
  return {
    seed,
    publicKey: encode(Buffer.concat([Buffer.of(PREFIX[kind]), rawOfPublic(key)])),
    sign: (data) => sign(null, data, key),
  };
};

export const createNkey = (kind: NkeyKind): Nkey => {
  const raw = randomBytes(KEY_BYTES);
  const prefix = PREFIX[kind];
  const head = Buffer.of(SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3);
  return nkeyOf(encode(Buffer.concat([head, raw])), raw, kind);
};

/** @throws Error it is no seed of that kind; the message does not hold it */
export const nkeyFromSeed = (seed: string, kind: NkeyKind): Nkey => {
  const bytes = decode(seed, 2 + KEY_BYTES);
  const [first = 0, second = 0] = bytes ?? [];
  const prefix = ((first & 7) << 5) | ((second & 248) >> 3);
  if (!bytes || (first & 248) !== SEED_PREFIX || prefix !== PREFIX[kind])
    throw new Error(`this is not the seed of a NATS ${kind} key`);
  return nkeyOf(seed, bytes.subarray(2), kind);
};
