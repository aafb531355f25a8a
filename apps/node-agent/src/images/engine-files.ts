import { createHash } from 'node:crypto';

import { type Engine, EngineRefused } from '@fornax/drivers';

import type { ImageFiles } from './image-user.js';
import { entriesOf } from './tar-reader.js';
import { LayerRefused } from './tree-path.js';

export type LookingEngine = Pick<Engine, 'create' | 'remove' | 'withLabel' | 'look' | 'archive'>;

const LABEL = 'org.fornax.look';

/** What an engine does not show of an image that it has is the image's fault: links that lead in circles, say. */
const orRefused = async <T>(path: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof EngineRefused)) throw error;
    throw new LayerRefused(`its ${path} cannot be read`);
  }
};

/** Looks into images that an engine has, by containers in which nothing is ever started. */
export class EngineLooks {
  readonly #own: string;
  #made = 0;
  /** What an earlier process of this agent had no time to remove. */
  #cleaned: Promise<unknown> | undefined;

  /** @param key what tells this agent from others of the engine */
  constructor(
    private readonly engine: LookingEngine,
    key: string,
  ) {
    this.#own = createHash('sha256').update(key).digest('hex').slice(0, 12);
  }

  /** @param image its id @throws what the work throws; EngineAway, EngineRefused */
  async into<T>(image: string, work: (files: ImageFiles) => Promise<T>): Promise<T> {
    this.#cleaned ??= this.#clean();
    await this.#cleaned;
    const name = `fornax-look-${this.#own}-${process.pid}-${(this.#made += 1)}`;
    const id = await this.engine.create(name, {
      Image: image,
      Entrypoint: ['/'],
      Labels: { [LABEL]: this.#own },
      NetworkDisabled: true,
      HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'] },
    });
    try {
      return await work(this.#filesOf(id));
    } finally {
      // What stays behind goes with the next process of this agent.
      await this.engine.remove(id).catch(() => false);
    }
  }

  #filesOf(id: string): ImageFiles {
    return {
      read: async (path, mostBytes) => {
        const found = await orRefused(path, this.engine.look(id, path));
        if (!found || found.isFolder) return undefined;
        if (found.sizeBytes > mostBytes) throw new LayerRefused(`its ${path} is longer than ${mostBytes} bytes`);
        return orRefused(path, this.#textOf(id, found.path, mostBytes));
      },
      hasFolder: async (path) => {
        const found = await this.engine.look(id, path).catch(() => undefined);
        return found?.isFolder === true && !/^\/*\.?$/.test(found.path);
      },
    };
  }

  async #textOf(id: string, path: string, mostBytes: number): Promise<string | undefined> {
    const archive = await this.engine.archive(id, path);
    try {
      for await (const { type, size, content } of entriesOf(archive)) {
        if (type !== 'file') return undefined;
        if (size > mostBytes) throw new LayerRefused(`its ${path} is longer than ${mostBytes} bytes`);
        const pieces: Buffer[] = [];
        for await (const piece of content) pieces.push(Buffer.from(piece));
        return Buffer.concat(pieces).toString();
      }
      return undefined;
    } finally {
      archive.destroy();
    }
  }

  async #clean(): Promise<void> {
    const left = await this.engine.withLabel(`${LABEL}=${this.#own}`).catch(() => []);
    await Promise.all(left.map((id) => this.engine.remove(id).catch(() => false)));
  }
}
