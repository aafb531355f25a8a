/** Where the mode of a file travels with its object: rclone and s3fs have it in this entry of the metadata. */
export const MODE_HEADER = 'x-amz-meta-mode';

const REGULAR = 0o100000;
const FOLDER = 0o040000;
const KIND = 0o170000;
const EXECUTABLE = 0o111;

/** Writes the mode of a regular file as rclone does: kind and rights, octal. @param mode as `stat` tells it */
export const modeText = (mode: number): string => (REGULAR | (mode & 0o777)).toString(8);

/** The same of a folder. */
export const folderModeText = (mode: number): string => (FOLDER | (mode & 0o777)).toString(8);

/** As `stat` tells it; undefined for what says nothing of a regular file. */
const modeOf = (text: string): number | undefined => {
  if (!/^\d{1,7}$/.test(text)) return undefined;
  const decimal = Number(text);
  // s3fs writes the same number in decimal. No text is a mode of a regular file in both: 32768 to 36863 have a kind of another sort, or none, in octal.
  if ((decimal & KIND) === REGULAR && decimal <= (REGULAR | 0o7777)) return decimal;
  if (!/^[0-7]+$/.test(text)) return undefined;
  const octal = Number.parseInt(text, 8);
  return octal <= 0o7777 || (octal & ~0o7777) === REGULAR ? octal : undefined;
};

/** Rights that the metadata of an object says, as `chmod` takes them; undefined where it says none of a regular file. */
export const rightsIn = (text: string | undefined): number | undefined => {
  const mode = text === undefined ? undefined : modeOf(text);
  return mode === undefined ? undefined : mode & 0o777;
};

/** Whether the metadata of an object says that its file may be executed; nothing else of a mode is taken over from another machine. */
export const isExecutable = (text: string | undefined): boolean =>
  text !== undefined && ((modeOf(text) ?? 0) & EXECUTABLE) !== 0;
