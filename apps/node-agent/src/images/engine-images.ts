import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';

import { type Engine, EngineAway, type EngineImage, EngineRefused } from '@fornax/drivers';
import { z } from 'zod';

import { UserError } from '../failure/user-error.js';
import { EngineLooks, type LookingEngine } from './engine-files.js';
import { EnginePull } from './engine-pull.js';
import { HeldFailures } from './held-failures.js';
import { imageConfigSchema, settingsOf } from './image-manifest.js';
import { DOCKER_HUB, type ImageName, wordsFor } from './image-name.js';
import { findImage, type PullBounds, type WantedImage } from './image-pull.js';
import type { ImageSource, UsedImage } from './image-store.js';
import type { FoundImage } from './registry.js';
import { RegistryAway } from './registry-away.js';
import { SharedWork, type Waiter } from './shared-work.js';

export interface EngineImagesOptions extends PullBounds {
  /** Where it is written down which images of the engine are here for tasks, and may go. */
  readonly file: string;
  readonly onError: (error: unknown) => void;
  readonly nowMs?: () => number;
}

/** How long what a registry said of a name is believed. */
const BELIEVED_MS = 60_000;
const MOST_NAMES = 1_000;

const recordSchema = z.record(z.string(), z.object({ bytes: z.number().nonnegative() }));

interface Kept {
  readonly bytes: number;
  users: number;
}

/** As the engine names it: by its digest alone, which is always the same image. */
const referenceOf = ({ registry, repository }: ImageName, digest: string): string =>
  `${registry === DOCKER_HUB ? 'docker.io' : new URL(registry).host}/${repository}@${digest}`;

/** What is no JSON is a file that broke: its images are the engine's then, and stay. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

/**
 * Images of tasks that a container engine keeps. What a name means, and whether the task may have it, is asked of the registry as for images that the node
 * keeps itself, with the rights of the task; the engine then pulls that very digest. Those that it pulled for tasks, and no others, go when they are too many.
 */
export class EngineImages implements ImageSource {
  /** They lie where the engine puts them: what goes there makes no room for instances. */
  readonly idleBytes = 0;
  /** By their references, those that were used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  readonly #found = new Map<string, { readonly found: FoundImage; readonly atMs: number }>();
  readonly #finding = new SharedWork<FoundImage>();
  readonly #pulling = new SharedWork<EngineImage>();
  readonly #failures: HeldFailures;
  /** Images that the engine is letting go, until it has answered. */
  readonly #going = new Map<string, Promise<void>>();
  /** One after the other: they write the same file. */
  #lettingGo: Promise<void> = Promise.resolve();
  readonly #nowMs: () => number;
  readonly #looks: EngineLooks;

  private constructor(
    private readonly engine: Pick<Engine, 'image' | 'pull' | 'removeImage'> & LookingEngine,
    private readonly options: EngineImagesOptions,
  ) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#failures = new HeldFailures(this.#nowMs);
    this.#looks = new EngineLooks(engine, options.file);
  }

  static async open(
    engine: Pick<Engine, 'image' | 'pull' | 'removeImage'> & LookingEngine,
    options: EngineImagesOptions,
  ): Promise<EngineImages> {
    const images = new EngineImages(engine, options);
    const text = await readFile(options.file, 'utf8').catch(() => '{}');
    const record = recordSchema.safeParse(parsed(text));
    for (const [reference, { bytes }] of Object.entries(record.data ?? {}))
      images.#kept.set(reference, { bytes, users: 0 });
    return images;
  }

  /** Of those that it pulled for tasks, as the engine counts them. */
  get bytes(): number {
    return [...this.#kept.values()].reduce((bytes, kept) => bytes + kept.bytes, 0);
  }

  free(): Promise<void> {
    return Promise.resolve();
  }

  leaveRoom(): void {
    // The engine's disk is its own.
  }

  /** @throws UserError there is none, it may not be seen, or it is too large; RegistryAway, EngineAway; what the engine says; the signal's reason */
  async use(wanted: WantedImage, waiter: Waiter): Promise<UsedImage> {
    const found = await this.#find(wanted, waiter);
    const reference = referenceOf(wanted.name, found.digest);
    const { here, kept } = await this.#bring(wanted, found, reference, waiter);
    let isReleased = false;
    const release = (): void => {
      if (isReleased || !kept) return;
      isReleased = true;
      kept.users -= 1;
    };
    const config = imageConfigSchema.safeParse(here.config);
    if (!config.success) {
      release();
      throw new UserError('FX-IMAGE', `The image ${wordsFor(wanted.name)} is damaged: its description cannot be read`);
    }
    const settings = settingsOf({ config: config.data });
    const lookInto: UsedImage['lookInto'] = (work, signal) => this.#looks.into(here.id, work, signal);
    return { image: here.id, lookInto, settings, digest: found.named, words: wordsFor(wanted.name), release };
  }

  /** The image as the engine has it, and that it is used, so that it does not go. */
  async #bring(
    wanted: WantedImage,
    found: FoundImage,
    reference: string,
    waiter: Waiter,
  ): Promise<{ readonly here: EngineImage; readonly kept: Kept | undefined }> {
    // Before anybody is asked: what is used is not let go meanwhile, and what goes just now is gone before it is looked for.
    await this.#going.get(reference);
    const known = this.#kept.get(reference);
    if (known) known.users += 1;
    try {
      const before = await this.engine.image(reference);
      // What somebody else put there is theirs, and stays.
      if (before && !known) return { here: before, kept: undefined };
      const here = before ?? (await this.#pull(wanted, found, reference, waiter));
      return { here, kept: this.#take(reference, here) };
    } finally {
      if (known) known.users -= 1;
    }
  }

  async #find(wanted: WantedImage, waiter: Waiter): Promise<FoundImage> {
    const key = createHash('sha256').update(JSON.stringify(wanted)).digest('hex');
    const known = this.#found.get(key);
    if (known && this.#nowMs() - known.atMs < BELIEVED_MS) return known.found;
    return this.#failures.unless(key, waiter.signal, () =>
      this.#finding.run(key, waiter, async (shared) => {
        const found = await findImage(wanted, this.options, shared);
        if (this.#found.size >= MOST_NAMES) this.#found.clear();
        this.#found.set(key, { found, atMs: this.#nowMs() });
        return found;
      }),
    );
  }

  #pull(
    { name, login }: WantedImage,
    { manifest }: FoundImage,
    reference: string,
    waiter: Waiter,
  ): Promise<EngineImage> {
    const words = wordsFor(name);
    const { mostBytes, pullMs } = this.options;
    if (manifest.layers.reduce((sum, { size }) => sum + size, 0) > mostBytes)
      throw new UserError('FX-IMAGE', `The image ${words} is larger than this node keeps of images`, 'limit');
    return this.#failures.unless(reference, waiter.signal, () =>
      this.#pulling.run(reference, waiter, async ({ signal, onMoved, onProgress }) => {
        const limit = AbortSignal.timeout(pullMs);
        const progress = new EnginePull(words, manifest.layers, (text) => onProgress?.(text));
        const hear = (event: unknown): void => {
          onMoved();
          progress.hear(event);
        };
        try {
          await this.engine.pull(reference, login, { signal: AbortSignal.any([signal, limit]), hear });
        } catch (error) {
          if (limit.aborted && !signal.aborted)
            throw new RegistryAway(`the image ${words} did not come within ${pullMs} ms`);
          if (error instanceof EngineAway || !(error instanceof EngineRefused)) throw error;
          throw new RegistryAway(`the engine could not pull the image ${words}: ${error.message}`);
        }
        const pulled = await this.engine.image(reference);
        if (!pulled) throw new RegistryAway(`the engine has pulled the image ${words}, and does not have it`);
        // Before anybody looks for it again: who finds one that was not pulled for tasks takes it for somebody else's. Whoever waits for it takes it in this turn.
        const kept = this.#take(reference, pulled);
        setImmediate(() => (kept.users -= 1));
        return pulled;
      }),
    );
  }

  #take(reference: string, { sizeBytes }: EngineImage): Kept {
    const kept = this.#kept.get(reference) ?? { bytes: sizeBytes, users: 0 };
    kept.users += 1;
    const isNew = !this.#kept.delete(reference);
    this.#kept.set(reference, kept);
    if (isNew) this.#lettingGo = this.#lettingGo.then(() => this.#letGo()).catch(this.options.onError);
    return kept;
  }

  async #letGo(): Promise<void> {
    for (const [reference, kept] of [...this.#kept]) {
      if (this.bytes <= this.options.mostBytes) break;
      if (kept.users > 0) continue;
      const going = this.engine
        .removeImage(reference)
        .then((isGone) => void (isGone && this.#kept.delete(reference)))
        .finally(() => this.#going.delete(reference));
      this.#going.set(
        reference,
        going.catch(() => undefined),
      );
      await going;
    }
    const record = Object.fromEntries([...this.#kept].map(([reference, { bytes }]) => [reference, { bytes }]));
    // Whole or not at all: the agent reads it before anything else.
    const half = `${this.options.file}.new`;
    await writeFile(half, JSON.stringify(record), { mode: 0o600, flush: true });
    await rename(half, this.options.file);
  }
}
