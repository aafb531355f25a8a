import type { Dirent, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';

/** Looked at side by side. */
const AT_ONCE = 64;
const SLASH = Buffer.from('/');

/**
 * Looks at each name below a folder, links not followed: a file with several names comes as often. Nobody may change it meanwhile.
 * @throws what the disk says
 */
export async function* namesIn(folder: string): AsyncGenerator<Stats> {
  const left: Buffer[] = [Buffer.from(folder)];
  const look = async (path: Buffer): Promise<Stats> => {
    const facts = await lstat(path);
    if (facts.isDirectory()) left.push(path);
    return facts;
  };
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const some: Buffer[] = [];
    // Node takes `buffer` here as it does for readdir; its types do not say so.
    const options = { encoding: 'buffer' as BufferEncoding, bufferSize: AT_ONCE };
    for await (const entry of await opendir(at, options)) {
      const { name } = entry as unknown as Dirent<Buffer>;
      if (some.push(Buffer.concat([at, SLASH, name])) >= AT_ONCE) yield* await Promise.all(some.splice(0).map(look));
    }
    yield* await Promise.all(some.map(look));
  }
}
