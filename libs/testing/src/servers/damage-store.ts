import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';

const filesOf = async (dataDir: string, stream: string): Promise<readonly string[]> => {
  const all = await readdir(join(dataDir, 'store'), { recursive: true });
  return all
    .filter((name) => name.includes(`${sep}streams${sep}${stream}${sep}msgs${sep}`))
    .map((name) => join(dataDir, 'store', name))
    .sort();
};

const lastBlockOf = async (dataDir: string, stream: string): Promise<string> => {
  const numberOf = (file: string): number => Number(/(\d+)\.blk$/.exec(file)?.[1]);
  const blocks = (await filesOf(dataDir, stream)).filter((file) => file.endsWith('.blk'));
  const last = blocks.sort((a, b) => numberOf(a) - numberOf(b)).at(-1);
  if (last === undefined) throw new Error(`no block of stream ${stream} in ${dataDir}`);
  return last;
};

/**
 * Damages the files of a stream as a bad disk would. The nats-server that owns them must be stopped. Each message lies in a block as it was
 * published: `before` and `in` are texts that its subject, headers or payload hold.
 */
export const damageStore = (dataDir: string, stream: string) => ({
  /** Cuts the last block off in front of the first message that holds the text. */
  truncateBefore: async (before: string): Promise<void> => {
    const file = await lastBlockOf(dataDir, stream);
    const at = (await readFile(file)).indexOf(before);
    if (at < 0) throw new Error(`${file} holds no ${before}`);
    await truncate(file, at);
  },
  /** Changes one bit in the last occurrence of the text in the last block. */
  flipBitIn: async (text: string): Promise<void> => {
    const file = await lastBlockOf(dataDir, stream);
    const bytes = await readFile(file);
    const at = bytes.lastIndexOf(text);
    if (at < 0) throw new Error(`${file} holds no ${text}`);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(file, bytes);
  },
  /** What the server writes when it ends in order, and does not have after a crash: it then believes the blocks. */
  dropIndex: async (): Promise<void> => {
    for (const file of await filesOf(dataDir, stream)) if (file.endsWith('index.db')) await rm(file);
  },
});
