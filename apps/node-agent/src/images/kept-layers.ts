import { createHash } from 'node:crypto';
import { link, lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Descriptor } from './image-manifest.js';

interface KeptLayer {
  readonly bytes: number;
  usedAt: number;
}

/** Of all that images may take. */
const SHARE = 4;

/**
 * Layers as registries gave them, for images that share them: the least recently used go first. Nobody runs in them, so they are the first to go where room
 * is needed. Which registry gave a layer is part of its name: another one's word opens none. What lies here may have been cut by a loss of power or changed by
 * the disk: whoever unpacks one finds that out (`ImageLayers`), and drops it.
 */
export class KeptLayers {
  readonly #kept = new Map<string, KeptLayer>();
  #clock = 0;

  private constructor(
    private readonly folder: string,
    private readonly mostBytes: number,
  ) {}

  /** Takes up what an earlier process left. @param allBytes of all images @throws Error the folder cannot be used */
  static async open(folder: string, allBytes: number): Promise<KeptLayers> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const layers = new KeptLayers(folder, Math.floor(allBytes / SHARE));
    for (const name of await readdir(folder)) {
      const place = join(folder, name);
      const facts = await lstat(place);
      if (facts.isFile()) layers.#kept.set(name, { bytes: facts.blocks * 512, usedAt: 0 });
      // What cannot go is never asked for.
      else await rm(place, { recursive: true }).catch(() => undefined);
    }
    while (layers.bytes > layers.mostBytes) await layers.letGo();
    return layers;
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kept.values()) sum += bytes;
    return sum;
  }

  has(registry: string, digest: string): boolean {
    return this.#kept.has(nameOf(registry, digest));
  }

  /** Puts a layer that is here into a file. What has not even its size, or cannot be had, goes. @returns false: it is not here */
  async give(registry: string, { digest, size }: Descriptor, file: string): Promise<boolean> {
    const name = nameOf(registry, digest);
    const kept = this.#kept.get(name);
    if (!kept) return false;
    try {
      await link(join(this.folder, name), file);
      if ((await lstat(file)).size === size) {
        kept.usedAt = this.#clock += 1;
        return true;
      }
    } catch {
      // Whatever the reason: there is another way to have it.
    }
    await rm(file, { force: true });
    await this.#drop(name);
    return false;
  }

  /** Lets a layer go that was given into a file and is not what it should be; not one that came in its place meanwhile. */
  async refuse(registry: string, digest: string, file: string): Promise<void> {
    const name = nameOf(registry, digest);
    const [kept, given] = await Promise.all([join(this.folder, name), file].map((each) => inodeOf(each)));
    if (kept === given || given === undefined) await this.#drop(name);
  }

  /** Keeps what lies in a file, which goes. */
  async keep(registry: string, digest: string, file: string): Promise<void> {
    const name = nameOf(registry, digest);
    const bytes = (await stat(file)).blocks * 512;
    if (this.#kept.has(name) || bytes > this.mostBytes) return rm(file);
    while (this.bytes + bytes > this.mostBytes && (await this.letGo()));
    await rename(file, join(this.folder, name));
    this.#kept.set(name, { bytes, usedAt: (this.#clock += 1) });
  }

  /** Lets the least recently used go. @returns false: there is none */
  async letGo(): Promise<boolean> {
    const [oldest] = [...this.#kept].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (!oldest) return false;
    await this.#drop(oldest[0]);
    return true;
  }

  async #drop(name: string): Promise<void> {
    this.#kept.delete(name);
    await rm(join(this.folder, name), { force: true, recursive: true });
  }
}

const nameOf = (registry: string, digest: string): string =>
  createHash('sha256').update(`${registry} ${digest}`).digest('hex');

const inodeOf = (file: string): Promise<number | undefined> =>
  lstat(file).then(
    ({ ino }) => ino,
    () => undefined,
  );
