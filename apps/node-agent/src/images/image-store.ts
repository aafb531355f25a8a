import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { counterOf } from '@fornax/base';
import { removeTree } from '@fornax/drivers';
import { z } from 'zod';

import { UserError } from '../failure/user-error.js';
import { codeOf } from '../files/job-files.js';
import { HeldFailures } from './held-failures.js';
import { type ImageSettings, imageSettingsSchema } from './image-manifest.js';
import { wordsFor } from './image-name.js';
import { bringImage, findImage, type PullBounds, type WantedImage } from './image-pull.js';
import type { ImageFiles } from './image-user.js';
import { ImageRoom } from './image-room.js';
import { KeptLayers } from './kept-layers.js';
import { LayerDamaged } from './layer-damaged.js';
import type { FoundImage } from './registry.js';
import { RegistryAway } from './registry-away.js';
import { SharedWork, type Waiter } from './shared-work.js';
import { bootId, flushTree, isFlushed, markFlushed, topOf } from './tree-state.js';

export interface ImageStoreOptions extends PullBounds {
  /** Of this store alone, where no instance can write. */
  readonly folder: string;
  /** An image is about to go. */
  readonly onForget: (tree: string) => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Bytes that are free beyond the mark below which instances have to end; undefined: nobody knows. */
  readonly spare?: () => Promise<number | undefined>;
  readonly nowMs?: () => number;
  /** Which start of the machine this is. */
  readonly boot?: string;
  /** Brings an image to the disk. */
  readonly flush?: (folder: string) => Promise<void>;
}

/** An image that an instance has. */
export interface UsedImage {
  /** Its root, on the machine; of one that an engine has, its id there. */
  readonly tree?: string;
  readonly image?: string;
  /** Looks into the files of one that an engine has. */
  readonly lookInto?: <T>(work: (files: ImageFiles) => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly settings: ImageSettings;
  /** What its name meant: of an image for several kinds of machines, that of all of them. */
  readonly digest: string;
  /** As people write it. */
  readonly words: string;
  /** The instance is over. Safe to repeat. */
  release(): void;
}

/** One that is kept here. */
export interface KeptImage extends UsedImage {
  readonly tree: string;
}

/** What brings the images of tasks. */
export type ImageSource = Pick<ImageStore, 'bytes' | 'idleBytes' | 'free' | 'leaveRoom'> & {
  use(wanted: WantedImage, waiter: Waiter): Promise<UsedImage>;
};

const recordSchema = z.object({
  digest: z.string(),
  bytes: z.number().int().nonnegative(),
  settings: imageSettingsSchema,
  /** The machine's start in which it was unpacked. Those of earlier versions do not say, nor what lies at their top. */
  boot: z.string().exactOptional(),
  top: z.string().exactOptional(),
});
type ImageRecord = z.output<typeof recordSchema>;

interface Kept extends ImageRecord {
  users: number;
  usedAt: number;
  /** It is not what was unpacked, and goes when nobody has it any more. */
  isTorn?: boolean;
}

/** How long what a registry said of a name is believed. */
const BELIEVED_MS = 60_000;
const MOST_NAMES = 1_000;
const RECORD = 'image.json';
const TREE = 'root';

const folderOf = (digest: string): string => digest.replace(':', '-');

/**
 * Images that instances of this node run in: each pulled and unpacked once, found by the digest of its manifest, the least recently used go first.
 *
 *   images/sha256-<hex>/root        its files, read-only for who runs in it
 *   images/sha256-<hex>/image.json  how to run it; renamed here when all of it is there
 *   layers/<hash>                   a layer as its registry gave it, for images that share it
 *   incoming/<uuid>                 what is being pulled; removed when the next process begins
 *   leaving/<uuid>                  what is being removed; its bytes count until it is gone
 *
 * Who may not see an image at its registry does not get it here either: each name is asked for with the rights of the task, once a minute.
 */
export class ImageStore {
  readonly #kept = new Map<string, Kept>();
  readonly #found = new Map<string, { readonly found: FoundImage; readonly atMs: number }>();
  readonly #failures: HeldFailures;
  readonly #room: ImageRoom;
  readonly #finding = new SharedWork<FoundImage>();
  readonly #pulling = new SharedWork<Kept>();
  readonly #nowMs: () => number;
  readonly #given = counterOf('fornax.images');
  readonly #failed = counterOf('fornax.images.failures');
  #leavingBytes = 0;
  #owed: () => Promise<number> = () => Promise.resolve(0);
  /** Images come to where they stay, and go from there, one after the other. */
  #moving: Promise<unknown> = Promise.resolve();
  /** One image after the other is brought to the disk. */
  #flushing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: ImageStoreOptions,
    private readonly layers: KeptLayers,
    private readonly boot: string,
  ) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#failures = new HeldFailures(this.#nowMs);
    this.#room = new ImageRoom({
      mostBytes: options.mostBytes,
      kept: () => this.bytes,
      letGo: () => this.#letGo(),
      spare: () => this.#spare(),
    });
  }

  /** Takes up what an earlier process left; what cannot be removed is told, and stays. @throws Error the folder cannot be used */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const layers = await KeptLayers.open(join(options.folder, 'layers'), options.mostBytes);
    const store = new ImageStore(options, layers, options.boot ?? (await bootId()));
    await mkdir(store.#images, { recursive: true, mode: 0o700 });
    for (const folder of ['incoming', 'leaving'].map((name) => join(options.folder, name))) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const name of await readdir(folder)) await removeTree(join(folder, name)).catch(options.onError);
    }
    for (const name of await readdir(store.#images)) await store.#take(name);
    return store;
  }

  /** Bytes of all that is here. */
  get bytes(): number {
    let bytes = this.#leavingBytes + this.layers.bytes;
    for (const kept of this.#kept.values()) bytes += kept.bytes;
    return bytes;
  }

  /** Bytes of those that nobody has, and of layers. */
  get idleBytes(): number {
    return this.#idle().reduce((sum, { bytes }) => sum + bytes, this.layers.bytes);
  }

  /** @param owed bytes of the disk that were promised to others, and that no pull takes */
  leaveRoom(owed: () => Promise<number>): void {
    this.#owed = owed;
  }

  /** Lets images go that nobody has, until they were so many bytes. */
  async free(amount: number): Promise<void> {
    for (let idle = this.idleBytes, least = idle - amount; idle > 0 && idle > least; idle = this.idleBytes)
      if (!(await this.#letGo())) return;
  }

  /**
   * Has the image there, pulled if need be; whoever wants the same one meanwhile waits for the same pull.
   * @throws UserError there is none, it may not be seen, it is damaged or too large; RegistryAway; NoRoom; what the disk says; the signal's reason
   */
  async use(wanted: WantedImage, waiter: Waiter): Promise<KeptImage> {
    try {
      return await this.#use(wanted, waiter);
    } catch (error) {
      // Who only went away has no cause.
      if (!waiter.signal.aborted) this.#failed.add(1, { cause: error instanceof UserError ? 'user' : 'platform' });
      throw error;
    }
  }

  async #use(wanted: WantedImage, waiter: Waiter): Promise<KeptImage> {
    const { name } = wanted;
    const found = await this.#find(wanted, waiter);
    const words = wordsFor(name);
    for (;;) {
      const here = await this.#whole(found.digest);
      const kept = here ?? (await this.#pull(wanted, found, waiter));
      // It may have gone between its pull and this turn.
      if (this.#kept.get(found.digest) !== kept) continue;
      this.#given.add(1, { from: here ? 'node' : 'registry' });
      kept.users += 1;
      kept.usedAt = this.#nowMs();
      let isReleased = false;
      const release = (): void => {
        if (isReleased) return;
        isReleased = true;
        kept.users -= 1;
        kept.usedAt = this.#nowMs();
        if (kept.users === 0 && kept.isTorn) void this.#drop(kept);
      };
      return { tree: this.#treeOf(found.digest), settings: kept.settings, digest: found.named, words, release };
    }
  }

  get #images(): string {
    return join(this.options.folder, 'images');
  }

  #treeOf(digest: string): string {
    return join(this.#images, folderOf(digest), TREE);
  }

  async #take(name: string): Promise<void> {
    const folder = join(this.#images, name);
    try {
      const record = recordSchema.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8')));
      if (folderOf(record.digest) !== name) throw new Error(`${name} says that it is ${record.digest}`);
      if (record.boot !== undefined && record.boot !== this.boot && !(await isFlushed(folder)))
        throw new Error(`${name} was not on the disk when the machine went down, and is pulled anew`);
      const kept = { ...record, users: 0, usedAt: this.#nowMs() };
      this.#kept.set(record.digest, kept);
      // An earlier process may have ended before it was done.
      if (record.boot === this.boot && !(await isFlushed(folder))) this.#flush(kept, folder);
    } catch (error) {
      this.options.onError(error);
      await this.#remove(await this.#takeAway(folder), 0);
    }
  }

  /** Which image a name means now, as who asks may know it. */
  async #find(wanted: WantedImage, waiter: Waiter): Promise<FoundImage> {
    const { name, login } = wanted;
    const { registry, repository, reference } = name;
    const key = createHash('sha256')
      .update(JSON.stringify([registry, repository, reference, login?.user, login?.password]))
      .digest('hex');
    const known = this.#found.get(key);
    if (known && this.#nowMs() - known.atMs < BELIEVED_MS) return known.found;
    try {
      return await this.#failures.unless(key, waiter.signal, () =>
        this.#finding.run(key, waiter, async (shared) => {
          const found = await findImage(wanted, this.options, shared);
          if (this.#found.size >= MOST_NAMES) this.#found.clear();
          this.#found.set(key, { found, atMs: this.#nowMs() });
          return found;
        }),
      );
    } catch (error) {
      // What is here is run without the registry, too, by who was told of it before.
      if (known && error instanceof RegistryAway && this.#kept.has(known.found.digest)) return known.found;
      throw error;
    }
  }

  async #pull(wanted: WantedImage, found: FoundImage, waiter: Waiter): Promise<Kept> {
    const { registry, repository } = wanted.name;
    // What goes wrong is told in words of who asked: only to who asked for the same.
    const key = `${registry}/${repository}@${found.digest}`;
    return this.#failures.unless(key, waiter.signal, () =>
      this.#pulling.run(key, waiter, async (shared) => {
        try {
          return await this.#bring(wanted, found, shared, false);
        } catch (error) {
          if (!(error instanceof LayerDamaged)) throw error;
          // What this node kept was not what it had been given, and has gone.
          this.options.onError(error);
          return this.#bring(wanted, found, shared, true);
        }
      }),
    );
  }

  async #bring(wanted: WantedImage, found: FoundImage, waiter: Waiter, checksKept: boolean): Promise<Kept> {
    const folder = join(this.options.folder, 'incoming', randomUUID());
    try {
      const tree = { folder, root: join(folder, TREE) };
      const parts = { room: this.#room, layers: this.layers, checksKept };
      const { held, ...brought } = await bringImage(wanted, found, tree, this.options, parts, waiter);
      try {
        const top = await topOf(tree.root);
        const record = { ...brought, digest: found.digest, boot: this.boot, ...(top === undefined ? {} : { top }) };
        await writeFile(join(folder, RECORD), JSON.stringify(record), { mode: 0o600 });
        return await this.#place(folder, record);
      } finally {
        held.end();
      }
    } finally {
      await removeTree(folder).catch(this.options.onError);
    }
  }

  /** Moves an image to where it stays, unless it came by another name meanwhile. */
  #place(folder: string, record: ImageRecord): Promise<Kept> {
    const place = async (): Promise<Kept> => {
      const there = this.#kept.get(record.digest);
      if (there) return there;
      const target = join(this.#images, folderOf(record.digest));
      await rename(folder, target).catch(async (error: unknown) => {
        if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(codeOf(error))) throw error;
        // What lies there is about to go, or could not.
        await this.#remove(await this.#takeAway(target), 0);
        await rename(folder, target);
      });
      const kept = { ...record, users: 0, usedAt: this.#nowMs() };
      this.#kept.set(record.digest, kept);
      this.#flush(kept, target);
      return kept;
    };
    return this.#move(place);
  }

  #flush(kept: Kept, folder: string): void {
    const isHere = (): boolean => this.#kept.get(kept.digest) === kept;
    this.#flushing = this.#flushing.then(async () => {
      try {
        if (!isHere()) return;
        await (this.options.flush ?? flushTree)(folder);
        // Another one may lie there by now.
        await this.#move(async () => (isHere() ? markFlushed(folder) : undefined));
      } catch (error) {
        if (isHere()) this.options.onError(error);
      }
    });
  }

  /**
   * An image that is here, as far as a look at its top tells. One that is not what was unpacked goes: at once, or when those have ended that run in it.
   * @throws Error it is such a one, and some still do
   */
  async #whole(digest: string): Promise<Kept | undefined> {
    const kept = this.#kept.get(digest);
    if (!kept || kept.top === undefined || (await topOf(this.#treeOf(digest))) === kept.top) return kept;
    // Others may have seen it, too, and have had it taken away.
    if (this.#kept.get(digest) !== kept) return this.#kept.get(digest);
    const torn = new Error(
      `the image ${digest} is not on the disk as it was unpacked, and is pulled anew when nobody runs in it`,
    );
    if (kept.users > 0) {
      kept.isTorn = true;
      throw torn;
    }
    this.options.onError(torn);
    await this.#drop(kept);
    return undefined;
  }

  /** Does what changes where images lie when all that was to do before it is done. */
  #move<T>(what: () => Promise<T>): Promise<T> {
    const moved = this.#moving.then(what);
    this.#moving = moved.catch(() => undefined);
    return moved;
  }

  /** What images may take of the disk. */
  async #spare(): Promise<number | undefined> {
    const spare = await this.options.spare?.();
    return spare === undefined ? undefined : Math.max(0, spare - (await this.#owed()));
  }

  #idle(): Kept[] {
    return [...this.#kept.values()].filter(({ users }) => users === 0);
  }

  /** Lets the least recently used go of those that nobody has; layers before images, since nobody would wait for one. */
  async #letGo(): Promise<boolean> {
    if (await this.layers.letGo()) return true;
    const [oldest] = this.#idle().sort((a, b) => a.usedAt - b.usedAt);
    if (!oldest) return false;
    await this.#drop(oldest);
    return true;
  }

  /** Removes an image that nobody has. */
  async #drop({ digest, bytes }: Kept): Promise<void> {
    this.#kept.delete(digest);
    this.#leavingBytes += bytes;
    // Who pulls it anew meanwhile comes after this: what is forgotten and taken away goes by its name.
    const leaving = await this.#move(async () => {
      await this.options.onForget(this.#treeOf(digest)).catch(this.options.onError);
      return this.#takeAway(join(this.#images, folderOf(digest)));
    });
    await this.#remove(leaving, bytes);
  }

  /** Takes a folder from its place, so that another may take that. @returns where it is; undefined: it cannot be taken away, which is told */
  async #takeAway(folder: string): Promise<string | undefined> {
    const leaving = join(this.options.folder, 'leaving', randomUUID());
    try {
      await rename(folder, leaving);
      return leaving;
    } catch (error) {
      this.options.onError(error);
      return undefined;
    }
  }

  /** Removes what was taken away; what cannot be removed is told, and its bytes count on. */
  async #remove(leaving: string | undefined, bytes: number): Promise<void> {
    if (leaving === undefined) return;
    try {
      await removeTree(leaving);
      this.#leavingBytes -= bytes;
    } catch (error) {
      this.options.onError(error);
    }
  }
}
