/** What is on a disk. */
export interface Use {
  readonly bytes: number;
  readonly files: number;
}

/** What an instance may have that was promised room: that room, if it is more, and as many more files. */
export const boundOf = ({ promisedBytes = 0 }: { readonly promisedBytes?: number }, { bytes, files }: Use): Use =>
  bytes === 0 || promisedBytes <= bytes
    ? { bytes, files }
    : { bytes: promisedBytes, files: Math.ceil((files * promisedBytes) / bytes) };

/** What is stored of the files of an instance. */
export type Stored = keyof typeof NOT_STORED;

const NOT_STORED = {
  results: 'The results were not stored: they hold',
  snapshot: 'The snapshot was not stored: its files hold',
} as const;

/**
 * Why results are not stored; undefined: they are no more than the instance may have. Holes in files, and files that several links lead to, take no
 * room while it runs, and as much as any other bytes where results are stored.
 */
export const resultsExcessOf = (bytes: number, bound: Use, what: Stored): string | undefined =>
  bound.bytes > 0 && bytes > bound.bytes
    ? `${NOT_STORED[what]} ${Math.ceil(bytes / 1e6)} MB, holes in files and links counted, and the instance may have ${Math.floor(bound.bytes / 1e6)} MB`
    : undefined;

/** Why an instance ends; undefined: it has no more than it may. */
export const excessOf = (own: Use, bound: Use): string | undefined => {
  if (bound.bytes > 0 && own.bytes > bound.bytes)
    return `The instance was ended: its files took ${Math.ceil(own.bytes / 1e6)} MB, and it may have ${Math.floor(bound.bytes / 1e6)} MB`;
  if (bound.files > 0 && own.files > bound.files)
    return `The instance was ended: it had ${own.files} files and folders, and may have ${bound.files}`;
  return undefined;
};
