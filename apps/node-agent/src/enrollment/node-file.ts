import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ConfigError } from '@fornax/base';
import { z } from 'zod';

const nodeFileSchema = z.object({
  /** The API of the platform. */
  platform: z.string(),
  name: z.string(),
  /** Seed of the key with which the node connects: never leaves this file. */
  seed: z.string(),
  /** The key after it, made but not used so far. */
  nextSeed: z.string().exactOptional(),
  /** What the platform answered to the join; absent while it has not. */
  joined: z.object({ natsUrl: z.string(), storageUrl: z.string() }).exactOptional(),
});

/** Who this machine is to its platform: `<folder>/node.json`, for its owner's eyes alone. */
export type NodeFile = Readonly<z.output<typeof nodeFileSchema>>;

export const nodeFilePath = (folder: string): string => join(folder, 'node.json');

const isMissing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';

/** @returns undefined when there is none @throws ConfigError it cannot be read or understood; nothing of it is shown */
export const readNodeFile = (folder: string): NodeFile | undefined => {
  const path = nodeFilePath(folder);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new ConfigError(`${path} cannot be read: ${String(error)}`);
  }
  try {
    return nodeFileSchema.parse(JSON.parse(text));
  } catch {
    throw new ConfigError(`${path} is damaged: get a new token for this node's name and join again in an empty folder`);
  }
};

/** Whole or not at all, on the disk when it resolves. */
export const writeNodeFile = async (folder: string, file: NodeFile): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = nodeFilePath(folder);
  const temporary = `${path}.${process.pid}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
};
