import { readFile } from 'node:fs/promises';
import { UsageError } from './connection.js';

/** Bytes of a request to the API, with room for the rest of the task. */
const MOST_BYTES = 1_000_000;

const lineOf = (bytes: Uint8Array): number => bytes.reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);

/** The first byte that is no UTF-8; undefined where all is. */
const firstBad = (bytes: Buffer): number | undefined => {
  const whole = bytes.toString('utf8');
  if (Buffer.from(whole).equals(bytes)) return undefined;
  // What was replaced is as long or longer, so the first difference is at the first bad byte.
  return Buffer.from(whole).findIndex((byte, at) => byte !== bytes[at]);
};

/**
 * Reads a table of parameters: text as it is. What it says is the platform's to check.
 * @throws UsageError it is no text, with the line; it cannot be read
 */
export const tableIn = async (file: string): Promise<string> => {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`Cannot read the table: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (bytes.length > MOST_BYTES)
    throw new UsageError(
      `${file} has ${bytes.length} bytes, and a table has at most ${MOST_BYTES}: put long values into files of a bucket, or submit several tasks`,
    );
  const nul = bytes.indexOf(0);
  if (nul !== -1)
    throw new UsageError(`${file}, line ${lineOf(bytes.subarray(0, nul))}: there is a NUL byte, so it is no CSV`);
  const bad = firstBad(bytes);
  if (bad !== undefined)
    throw new UsageError(`${file}, line ${lineOf(bytes.subarray(0, bad))}: this is not UTF-8: save the table as UTF-8`);
  return bytes.toString('utf8');
};
