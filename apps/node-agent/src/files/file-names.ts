import { isUtf8 } from 'node:buffer';

const SLASH = 0x2f;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** As many bytes as the first one of a character announces. */
const announced = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** How many bytes the character has that begins at `at`; undefined when none does. Throws nothing on the way: a name may be all such bytes, and there may be many. */
const characterAt = (bytes: Uint8Array, at: number): number | undefined => {
  const length = announced(bytes[at] ?? 0);
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : undefined;
};

/**
 * Writes a path of Linux, which is any bytes, as a key of storage, which is UTF-8: what is UTF-8 stays as it is. In any other, bytes that belong to
 * no character become `%` and two digits (RFC 3986, section 2.1), and so does `%` itself, so that two paths of this kind never have one key.
 */
export const keyOfPath = (path: Uint8Array): string => {
  if (isUtf8(path)) return decoder.decode(path);
  const parts: string[] = [];
  for (let at = 0; at < path.length;) {
    const length = characterAt(path, at);
    const byte = path[at] ?? 0;
    if (length === undefined || byte === 0x25) parts.push(percent(byte));
    else parts.push(decoder.decode(path.subarray(at, at + length)));
    at += length ?? 1;
  }
  return parts.join('');
};

/** The names on the way of a path, without empty ones and `.`. */
export const namesOf = (path: Uint8Array): readonly Buffer[] => {
  const names: Buffer[] = [];
  for (let from = 0; from <= path.length;) {
    const slash = path.indexOf(SLASH, from);
    const to = slash === -1 ? path.length : slash;
    const name = Buffer.from(path.subarray(from, to));
    if (name.length > 0 && !(name.length === 1 && name[0] === 0x2e)) names.push(name);
    from = to + 1;
  }
  return names;
};

export const joined = (names: readonly Uint8Array[]): Buffer =>
  Buffer.concat(names.flatMap((name, at) => (at === 0 ? [name] : [Buffer.from('/'), name])));
