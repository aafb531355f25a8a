/** How a file is shown before anybody downloads it. */
export type FileKind = 'text' | 'table' | 'image' | 'other';

const IMAGES = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
  avif: 'image/avif',
} as const;

const extensionOf = (key: string): string => /\.([^./]+)$/.exec(key)?.[1]?.toLowerCase() ?? '';

/** The type that a picture is served as; undefined for what is none. A drawing (SVG) is text here: it may hold scripts. */
export const imageTypeOf = (key: string): (typeof IMAGES)[keyof typeof IMAGES] | undefined =>
  Object.entries(IMAGES).find(([extension]) => extension === extensionOf(key))?.[1];

/** By its name alone; whether what has no such name is text is told by its content. */
export const kindOf = (key: string): FileKind => {
  if (imageTypeOf(key) !== undefined) return 'image';
  const extension = extensionOf(key);
  if (extension === 'csv' || extension === 'tsv') return 'table';
  return ['zip', 'gz', 'zst', 'xz', 'bz2', 'tar', 'pdf', 'mp4', 'exe', 'so', 'bin', 'blend', 'exr'].includes(extension)
    ? 'other'
    : 'text';
};

/** The text of bytes, where they are any: no byte of them is 0, which no text has. */
export const textOf = (bytes: Uint8Array): string | undefined =>
  bytes.includes(0) ? undefined : new TextDecoder().decode(bytes);

/** The name of a file in its folder. */
export const nameOf = (key: string): string => key.split('/').findLast((part) => part !== '') ?? key;
