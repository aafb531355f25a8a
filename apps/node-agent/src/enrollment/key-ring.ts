import { nodeUser } from '@fornax/contracts';
import { createNkey, nkeyFromSeed, type NatsKey } from '@fornax/event-store';

import { ConfigError } from '@fornax/base';
import { readNodeFile, writeNodeFile, type NodeFile } from './node-file.js';

/**
 * The keys of this node. The file is read at each connect, because another process (`fornax-node rotate`) may have changed it.
 *
 *   one key -> two keys (prepare: the next is made) -> one key (connected: the next has opened a connection)
 *
 * With two keys the next one is tried first, and each refusal turns to the other: whichever of them the platform knows gets in.
 */
export class KeyRing {
  #triesNext = true;
  #used = '';

  constructor(private readonly folder: string) {}

  /** What the next connect presents. */
  credentials(): NatsKey {
    const { name, seed, nextSeed } = this.#file();
    this.#used = this.#triesNext ? (nextSeed ?? seed) : seed;
    return { user: nodeUser(name), key: nkeyFromSeed(this.#used, 'user') };
  }

  refused(): void {
    this.#triesNext = !this.#triesNext;
  }

  /** The key that was presented last has opened a connection: if it was the next one, the old one is forgotten. */
  async connected(): Promise<void> {
    this.#triesNext = true;
    const { nextSeed, ...file } = this.#file();
    if (nextSeed !== undefined && nextSeed === this.#used)
      await writeNodeFile(this.folder, { ...file, seed: nextSeed });
  }

  /** Makes the next key, or gives the one that was made before and not used. @returns its public half */
  async prepare(): Promise<string> {
    const file = this.#file();
    const next = file.nextSeed === undefined ? createNkey('user') : nkeyFromSeed(file.nextSeed, 'user');
    if (file.nextSeed === undefined) await writeNodeFile(this.folder, { ...file, nextSeed: next.seed });
    this.#triesNext = true;
    return next.publicKey;
  }

  #file(): NodeFile {
    const file = readNodeFile(this.folder);
    if (!file) throw new ConfigError(`${this.folder} holds no node any more: join again with a new token`);
    return file;
  }
}
