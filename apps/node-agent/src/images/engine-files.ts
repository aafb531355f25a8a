import { createHash } from 'node:crypto';

import { unlessAborted } from '@fornax/base';
import { type Engine, EngineRefused } from '@fornax/drivers';

import type { ImageFiles } from './image-user.js';
import { entriesOf } from './tar-reader.js';
import { LayerRefused } from './tree-path.js';

export type LookingEngine = Pick<Engine, 'create' | 'remove' | 'withLabel' | 'look' | 'archive' | 'state'>;

const LABEL = 'org.fornax.look';

/** The container by which an image is looked into is gone: there are people, and timers, that remove those that do not run. */
class LookGone extends Error {
  override readonly name = 'LookGone';
}
const MOST_LOOKS = 2;

/** Podman answers 500 for what an image's own links and names make of a place as well: the words are the system's (ELOOP, ENOTDIR, ENAMETOOLONG). */
const OWN_WORDS = /too many (levels of symbolic )?links|not a directory|file name too long/i;
const isOfImage = ({ status, message }: EngineRefused): boolean =>
  (status >= 400 && status <= 499) || (status === 500 && OWN_WORDS.test(message));

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

  /** @param image its id @throws what the work throws; EngineAway, EngineRefused; the signal's reason */
  async into<T>(image: string, work: (files: ImageFiles) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#cleaned ??= this.#clean();
    await unlessAborted(this.#cleaned, signal);
    for (let looks = 1; ; looks += 1) {
      signal.throwIfAborted();
      try {
        return await this.#once(image, work, signal);
      } catch (error) {
        if (!(error instanceof LookGone) || looks === MOST_LOOKS) throw error;
      }
    }
  }

  async #once<T>(image: string, work: (files: ImageFiles) => Promise<T>, signal: AbortSignal): Promise<T> {
    const name = `fornax-look-${this.#own}-${process.pid}-${(this.#made += 1)}`;
    const request = {
      Image: image,
      Entrypoint: ['/'],
      Labels: { [LABEL]: this.#own },
      NetworkDisabled: true,
      HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, CapDrop: ['ALL'] },
    };
    try {
      return await work(this.#filesOf(await this.engine.create(name, request, signal), signal));
    } finally {
      // By its name, for it may be there although nobody was told. What stays behind goes with the next process of this agent.
      const removed = this.engine.remove(name).catch(() => false);
      await unlessAborted(removed, signal);
    }
  }

  #filesOf(id: string, signal: AbortSignal): ImageFiles {
    const look = (path: string) => this.#shown(id, path, this.#look(id, path, signal), signal);
    return {
      read: async (path, mostBytes) => {
        const found = await look(path);
        if (!found || found.isFolder) return undefined;
        if (found.sizeBytes > mostBytes) throw new LayerRefused(`its ${path} is longer than ${mostBytes} bytes`);
        return this.#shown(id, path, this.#textOf(id, found.path, mostBytes, signal), signal);
      },
      hasFolder: async (path) => {
        const found = await look(path).catch((error: unknown) => {
          if (!(error instanceof LayerRefused)) throw error;
          return undefined;
        });
        return found?.isFolder === true && !/^\/*\.?$/.test(found.path);
      },
    };
  }

  /**
   * What an engine does not show of a container that is there is the image's: no such file, or links that lead in circles. Its own trouble is the node's.
   * @throws LayerRefused, LookGone, EngineRefused
   */
  async #shown<T>(id: string, path: string, work: Promise<T | undefined>, signal: AbortSignal): Promise<T | undefined> {
    let refused = 0;
    try {
      const shown = await work;
      if (shown !== undefined) return shown;
    } catch (error) {
      if (!(error instanceof EngineRefused) || !isOfImage(error)) throw error;
      refused = error.status;
    }
    if (refused === 409 || !(await this.engine.state(id, signal)))
      throw new LookGone('somebody removes the containers by which this node looks into images');
    if (refused > 0) throw new LayerRefused(`its ${path} cannot be read`);
    return undefined;
  }

  /** What is looked at is answered without a body, and so without words: why the engine could not is what it says when it is to give that. */
  async #look(id: string, path: string, signal: AbortSignal): ReturnType<LookingEngine['look']> {
    try {
      return await this.engine.look(id, path, signal);
    } catch (error) {
      if (error instanceof EngineRefused && error.status === 500)
        (await this.engine.archive(id, path, signal)).destroy();
      throw error;
    }
  }

  async #textOf(id: string, path: string, mostBytes: number, signal: AbortSignal): Promise<string | undefined> {
    const archive = await this.engine.archive(id, path, signal);
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
