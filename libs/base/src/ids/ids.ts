import { createHash, randomBytes } from 'node:crypto';

const withDashes = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

/** A new UUID version 7 (RFC 9562): sorts by time of making, to the millisecond. */
export const newId = (at: number = Date.now()): string => {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return withDashes(bytes.toString('hex'));
};

const GROUP_BYTES = 3;

const sha256 = (parts: readonly string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();

/** A UUID of version 8 (RFC 9562), whose other bits the caller chose. */
const version8 = (bytes: Buffer): string => {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return withDashes(bytes.toString('hex'));
};

/** An id that is always the same for the same parts: a UUID of version 8 (RFC 9562) made of their SHA-256. */
export const derivedId = (...parts: readonly string[]): string => version8(sha256(parts).subarray(0, 16));

/** An id like a derived one that sorts, among those of the same group, by its place: 0 to 16,777,215. */
export const derivedIdInOrder = (group: readonly string[], place: number, ...parts: readonly string[]): string => {
  const bytes = sha256([...group, ...parts]).subarray(0, 16);
  sha256(group).copy(bytes, 0, 0, GROUP_BYTES);
  bytes.writeUIntBE(place, GROUP_BYTES, 3);
  return version8(bytes);
};
