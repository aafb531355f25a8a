/** Characters of a key at most. */
const MOST_KEY_CHARS = 1_024;
/** Bytes of UTF-8 of one part of a key at most: it becomes the name of a file. */
const MOST_PART_BYTES = 255;
/** Bytes of UTF-8 of a value at most. */
const MOST_SECRET_BYTES = 64 * 1_024;

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);
const hasControls = (text: string): boolean => [...text].some((one) => isControl(one.codePointAt(0) ?? 0));

/** Bytes of text in UTF-8. */
const bytesOf = (text: string): number => {
  let bytes = 0;
  for (const one of text) {
    const code = one.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4;
  }
  return bytes;
};

/**
 * Why text is no key of a secret; undefined when it is one: parts with slashes between them, each of which can be the name of a file.
 * Slashes at either end are the caller's to trim, as clients do.
 */
export const problemWithSecretKey = (key: string): string | undefined => {
  if (key === '') return 'A key has at least one character.';
  if (key.length > MOST_KEY_CHARS) return `A key has at most ${MOST_KEY_CHARS} characters.`;
  if (!key.isWellFormed() || hasControls(key)) return 'A key holds no control characters and no halves of characters.';
  const parts = key.split('/');
  if (parts.includes('')) return 'A key neither begins nor ends with a slash, and never has two of them in a row.';
  if (parts.some((part) => part === '.' || part === '..')) return 'No part of a key is "." or "..".';
  if (parts.some((part) => bytesOf(part) > MOST_PART_BYTES))
    return `Each part of a key has at most ${MOST_PART_BYTES} bytes between its slashes.`;
  return undefined;
};

/** Why text is no value of a secret; undefined when it is one: any well-formed text, the empty one and NUL included. */
export const problemWithSecretValue = (value: string): string | undefined => {
  if (!value.isWellFormed()) return 'A value holds no halves of characters.';
  const bytes = bytesOf(value);
  return bytes > MOST_SECRET_BYTES
    ? `A value has at most ${MOST_SECRET_BYTES} bytes in UTF-8; this one has ${bytes}.`
    : undefined;
};

/** What is directly below a prefix, relative to it and sorted: names of secrets, and of folders with a slash behind. */
export const namesBelow = (keys: readonly string[], prefix: string): readonly string[] => {
  const start = prefix === '' ? '' : `${prefix}/`;
  const names = keys
    .filter((key) => key.startsWith(start))
    .map((key) => {
      const rest = key.slice(start.length);
      const slash = rest.indexOf('/');
      return slash < 0 ? rest : rest.slice(0, slash + 1);
    });
  return [...new Set(names)].sort((a, b) => (a < b ? -1 : 1));
};
