/**
 * Names the folder that a prefix of results or snapshots means, as the beginning of its keys: `pre` and `pre/` are one folder (contract, section 3.1).
 * Null and an empty one stay what they are: no folder.
 */
export const folderOf = (prefix: string | null): string | null =>
  prefix === null || prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
