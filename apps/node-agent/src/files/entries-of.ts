import type { Dirent } from 'node:fs';
import { type FileHandle, opendir } from 'node:fs/promises';

import { below } from './job-files.js';

/** Names that are read at a time. */
const AT_ONCE = 256;

/** Reads what is in a folder, some names at a time: one that holds ten million would not fit into memory. Names are bytes. */
export async function* entriesOf(folder: FileHandle): AsyncGenerator<Dirent<Buffer>> {
  // Node takes `buffer` here as it does for readdir; its types do not say so.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: AT_ONCE };
  for await (const entry of await opendir(below(folder, '.'), options)) yield entry as unknown as Dirent<Buffer>;
}
