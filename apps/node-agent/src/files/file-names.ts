const SLASH = 0x2f;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** @returns the text, undefined when the bytes are not UTF-8 */
const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
};

/** How many bytes the character has that begins at `at`; undefined when none does. */
const characterAt = (bytes: Uint8Array, at: number): number | undefined => {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length += 1)
    if (decoded(bytes.subarray(at, at + length)) !== undefined) return length;
  return undefined;
};

/**
 * Writes a path of Linux, which is any bytes, as a key of storage, which is UTF-8: what is UTF-8 stays as it is. In any other, bytes that belong to
 * no character become `%` and two digits (RFC 3986, section 2.1), and so does `%` itself, so that two paths of this kind never have one key.
 */
export const keyOfPath = (path: Uint8Array): string => {
  const text = decoded(path);
  if (text !== undefined) return text;
  const parts: string[] = [];
  for (let at = 0; at < path.length;) {
    const length = characterAt(path, at);
    const byte = path[at] ?? 0;
    if (length === undefined || byte === 0x25) parts.push(percent(byte));
    else parts.push(decoded(path.subarray(at, at + length)) ?? '');
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
