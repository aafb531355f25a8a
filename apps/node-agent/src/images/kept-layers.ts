import { createHash } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../files/job-files.js';

interface KeptLayer {
  readonly bytes: number;
  usedAt: number;
}

/** Of all that images may take. */
const SHARE = 4;

/**
 * Layers as registries gave them, for images that share them: the least recently used go first. Nobody runs in them, so they are the first to go where room
 * is needed. Which registry gave a layer is part of its name: another one's word opens none.
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
      const { blocks } = await stat(join(folder, name));
      layers.#kept.set(name, { bytes: blocks * 512, usedAt: 0 });
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

  /** Puts a layer that is here into a file. @returns false: it is not */
  async give(registry: string, digest: string, file: string): Promise<boolean> {
    const name = nameOf(registry, digest);
    const kept = this.#kept.get(name);
    if (!kept) return false;
    try {
      await link(join(this.folder, name), file);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#kept.delete(name);
      return false;
    }
    kept.usedAt = this.#clock += 1;
    return true;
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
    this.#kept.delete(oldest[0]);
    await rm(join(this.folder, oldest[0]), { force: true, recursive: true });
    return true;
  }
}

const nameOf = (registry: string, digest: string): string =>
  createHash('sha256').update(`${registry} ${digest}`).digest('hex');
