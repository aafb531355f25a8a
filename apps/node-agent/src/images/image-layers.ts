import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { counterOf } from '@fornax/base';
import { removeTree } from '@fornax/drivers';

import { UserError } from '../failure/user-error.js';
import type { Turn } from './early-entries.js';
import type { Descriptor } from './image-manifest.js';
import type { Held } from './image-room.js';
import type { KeptLayers } from './kept-layers.js';
import type { Allowance } from './layer-budget.js';
import { isWhole, LayerDamaged } from './layer-damaged.js';
import type { PullProgress } from './pull-progress.js';
import type { Registry } from './registry.js';
import type { Waiter } from './shared-work.js';
import { UnpackThreads } from './unpack-by-thread.js';
import { unpackLayer } from './unpack-layer.js';

/** Layers of an image that are on their way at a time: one comes while another is unpacked and one waits for its turn. */
const MOST_AT_ONCE = 3;

export interface LayersOptions {
  readonly registry: Pick<Registry, 'fetch' | 'mayHave'>;
  /** Its address, by which layers are kept. */
  readonly from: string;
  readonly layers: KeptLayers;
  /** Whether those are read once before they are unpacked: some was not what it should be. */
  readonly checksKept: boolean;
  readonly held: Held;
  readonly left: Allowance;
  readonly progress: PullProgress;
  readonly waiter: Waiter;
  /** Ends what the others do, by the signal of the waiter. */
  readonly onFailure: (error: unknown) => void;
  /** The image, as people write it. */
  readonly words: string;
}

/** A layer of an image, and what it is without its compression. */
interface ListedLayer {
  readonly part: Descriptor;
  readonly diffId: string | undefined;
}

/** Brings the layers of one image: a few at a time, each over those before it. */
export class ImageLayers {
  readonly #brought = counterOf('fornax.images.layers.size');
  readonly #threads = new UnpackThreads();
  #brokeOff = false;

  constructor(
    private readonly tree: { readonly folder: string; readonly root: string },
    private readonly options: LayersOptions,
  ) {}

  /** Whether the registry was what was waited for when it was given up: it had not given a layer whose turn had come. */
  get brokeOff(): boolean {
    return this.#brokeOff;
  }

  /** @throws UserError, LayerRefused, LayerDamaged, RegistryAway, NoRoom, what the disk says, the signal's reason: what went wrong first */
  async bring(parts: readonly Descriptor[], diffIds: readonly string[]): Promise<void> {
    const done: Promise<void>[] = [];
    let failure: { readonly error: unknown } | undefined;
    for (const [at, part] of parts.entries()) {
      // One that is there twice is fetched once, and kept by then.
      const same = parts.findIndex(({ digest }) => digest === part.digest);
      const begin = Promise.all([done[at - MOST_AT_ONCE], same < at ? done[same] : undefined]);
      const one = begin.then(() => this.#one(at, { part, diffId: diffIds[at] }, done[at - 1]));
      one.catch((error: unknown) => {
        failure ??= { error };
        this.options.onFailure(error);
      });
      done.push(one);
    }
    // Nothing is written any more when this is over.
    await Promise.allSettled(done);
    await this.#threads.close();
    if (failure) throw failure.error;
  }

  async #one(at: number, listed: ListedLayer, comes: Promise<void> | undefined): Promise<void> {
    const { layers, from, progress, waiter } = this.options;
    const { part } = listed;
    const { signal } = waiter;
    signal.throwIfAborted();
    const place = join(this.tree.folder, `layer-${at}`);
    await mkdir(place, { mode: 0o700 });
    const file = join(place, 'packed');
    let isNext = comes === undefined;
    comes?.then(
      () => (isNext = true),
      () => undefined,
    );
    await this.#fetch(part, file).catch((error: unknown) => {
      // What comes later than that is waited for by nobody.
      this.#brokeOff ||= signal.aborted && isNext;
      throw error;
    });
    await this.#unpack(at, listed, file, comes && { folder: join(place, 'early'), comes }).catch(
      async (error: unknown) => {
        signal.throwIfAborted();
        if (await isWhole(file, part, signal)) throw error;
        await layers.refuse(from, part.digest, file);
        throw new LayerDamaged(`layer ${at + 1} of an image is not on this disk as it came`, { cause: error });
      },
    );
    progress.unpacked();
    await layers.keep(from, part.digest, file);
    await removeTree(place);
  }

  /** Puts a layer into the tree. What of it is wrong in the file is wrong in what that unpacks to, too: so it need not be read twice where all is well. */
  async #unpack(at: number, { part, diffId }: ListedLayer, file: string, turn: Turn | undefined): Promise<void> {
    const { words, left, held, waiter } = this.options;
    const { signal, onMoved } = waiter;
    const plain = await unpackLayer(file, part.mediaType, this.tree.root, {
      ...{ signal, onMoved, left, onGrow: held.grow, threads: this.#threads },
      ...(turn ? { turn } : {}),
    });
    if (plain !== diffId)
      throw new UserError(
        'FX-IMAGE',
        `The image ${words} is damaged: what layer ${at + 1} unpacks to is not what it should be`,
      );
  }

  /** Has a layer in a file: of those that are kept here, or from the registry. */
  async #fetch(part: Descriptor, file: string): Promise<void> {
    const { registry, layers, from, held, progress, checksKept, waiter } = this.options;
    const isHere = layers.has(from, part.digest);
    // That it is here opens it to nobody.
    if (isHere) await registry.mayHave(part);
    await held.expect(part.size);
    let isGiven = isHere && (await layers.give(from, part, file));
    if (isGiven && checksKept && !(await isWhole(file, part, waiter.signal))) {
      await layers.refuse(from, part.digest, file);
      // Not over it: those bytes may be another's, too.
      await rm(file, { force: true });
      isGiven = false;
    }
    if (isGiven) progress.came(part.size);
    else await registry.fetch(part, file, (count) => progress.came(count));
    this.#brought.add(part.size, { from: isGiven ? 'node' : 'registry' });
  }
}
