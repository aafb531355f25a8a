import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { entryAt, LayerRefused } from './tree-path.js';
import { UserError } from '../failure/user-error.js';
import { configSchema, type ImageSettings, imageSettingsSchema, settingsOf } from './image-manifest.js';
import { type ImageName, wordsFor } from './image-name.js';
import { type FoundImage, type Login, Registry, RegistryAway } from './registry.js';
import { SharedWork, type Waiter } from './shared-work.js';
import { type Allowance, unpackLayer } from './unpack-layer.js';

export interface ImageStoreOptions {
  /** Of this store alone, where no instance can write. */
  readonly folder: string;
  /** Bytes of all images that are kept, as they lie there. */
  readonly mostBytes: number;
  /** How long a pull may take. */
  readonly pullMs: number;
  /** Silence of a registry after which a request to it has failed. */
  readonly silenceMs: number;
  /** An image is about to go. */
  readonly onForget: (tree: string) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly nowMs?: () => number;
}

export interface WantedImage {
  readonly name: ImageName;
  readonly login?: Login | undefined;
}

/** An image that an instance has. */
export interface UsedImage {
  /** Its root, on the machine. */
  readonly tree: string;
  readonly settings: ImageSettings;
  /** Of its manifest. */
  readonly digest: string;
  /** As people write it. */
  readonly words: string;
  /** The instance is over. Safe to repeat. */
  release(): void;
}

const recordSchema = z.object({ digest: z.string(), bytes: z.number(), settings: imageSettingsSchema });
type ImageRecord = z.output<typeof recordSchema>;

interface Kept extends ImageRecord {
  users: number;
  usedAt: number;
}

/** How long what a registry said of a name is believed, and of one that could not be pulled. */
const BELIEVED_MS = 60_000;
const REFUSED_MS = 10_000;
const MOST_NAMES = 1_000;
const MOST_FILES = 2_000_000;
const RECORD = 'image.json';
const TREE = 'root';

const folderOf = (digest: string): string => digest.replace(':', '-');

/**
 * Images that instances of this node run in: each pulled and unpacked once, found by the digest of its manifest, the least recently used go first.
 *
 *   images/sha256-<hex>/root        its files, read-only for who runs in it
 *   images/sha256-<hex>/image.json  how to run it; renamed here when all of it is there
 *   incoming/<uuid>                 what is being pulled; removed when the next process begins
 *
 * Who may not see an image at its registry does not get it here either: each name is asked for with the rights of the task, once a minute.
 */
export class ImageStore {
  readonly #kept = new Map<string, Kept>();
  readonly #found = new Map<string, { readonly found: FoundImage; readonly atMs: number }>();
  readonly #refused = new Map<string, { readonly error: unknown; readonly atMs: number }>();
  readonly #finding = new SharedWork<FoundImage>();
  readonly #pulling = new SharedWork<Kept>();
  readonly #nowMs: () => number;

  private constructor(private readonly options: ImageStoreOptions) {
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Takes up what an earlier process left. @throws Error the folder cannot be used */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options);
    await rm(join(options.folder, 'incoming'), { recursive: true, force: true });
    await mkdir(join(options.folder, 'incoming'), { recursive: true, mode: 0o700 });
    await mkdir(store.#images, { recursive: true, mode: 0o700 });
    for (const name of await readdir(store.#images)) await store.#take(name);
    return store;
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Has the image there, pulled if need be; whoever wants the same one meanwhile waits for the same pull.
   * @throws UserError there is none, it may not be seen, it is damaged or too large; RegistryAway; what the disk says; the signal's reason
   */
  async use(wanted: WantedImage, waiter: Waiter): Promise<UsedImage> {
    const { name } = wanted;
    const found = await this.#find(wanted, waiter);
    const words = wordsFor(name);
    for (;;) {
      const kept = this.#kept.get(found.digest) ?? (await this.#pull(wanted, found, waiter));
      // It may have gone between its pull and this turn.
      if (this.#kept.get(found.digest) !== kept) continue;
      kept.users += 1;
      kept.usedAt = this.#nowMs();
      let isReleased = false;
      const release = (): void => {
        if (isReleased) return;
        isReleased = true;
        kept.users -= 1;
        kept.usedAt = this.#nowMs();
      };
      return { tree: this.#treeOf(found.digest), settings: kept.settings, digest: found.digest, words, release };
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
      this.#kept.set(record.digest, { ...record, users: 0, usedAt: this.#nowMs() });
    } catch (error) {
      this.options.onError(error);
      await rm(folder, { recursive: true, force: true });
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
      return await this.#unlessRefused(key, () =>
        this.#finding.run(key, waiter, async (shared) => {
          const found = await this.#registry(wanted, shared).find();
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
    return this.#unlessRefused(found.digest, () =>
      this.#pulling.run(found.digest, waiter, async (shared) => {
        const folder = join(this.options.folder, 'incoming', randomUUID());
        try {
          const record = await this.#bring(wanted, found, folder, shared);
          await this.#makeRoomFor(record.bytes);
          await rename(folder, join(this.#images, folderOf(found.digest)));
          const kept = { ...record, users: 0, usedAt: this.#nowMs() };
          this.#kept.set(found.digest, kept);
          return kept;
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      }),
    );
  }

  /** What failed a moment ago is not tried again for everybody who comes. */
  async #unlessRefused<T>(key: string, work: () => Promise<T>): Promise<T> {
    const refused = this.#refused.get(key);
    if (refused && this.#nowMs() - refused.atMs < REFUSED_MS) throw refused.error;
    try {
      return await work();
    } catch (error) {
      if (error instanceof UserError || error instanceof RegistryAway) {
        if (this.#refused.size >= MOST_NAMES) this.#refused.clear();
        this.#refused.set(key, { error, atMs: this.#nowMs() });
      }
      throw error;
    }
  }

  #registry({ name, login }: WantedImage, { signal, onMoved }: Waiter): Registry {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(this.options.pullMs)]);
    return new Registry(name, login, { signal: limited, onMoved, silenceMs: this.options.silenceMs });
  }

  async #bring(
    wanted: WantedImage,
    { digest, manifest }: FoundImage,
    folder: string,
    shared: Waiter,
  ): Promise<ImageRecord> {
    const words = wordsFor(wanted.name);
    const compressed = manifest.layers.reduce((sum, { size }) => sum + size, 0);
    if (compressed > this.options.mostBytes)
      throw new UserError('FX-IMAGE', `The image ${words} is larger than this node keeps of images`, 'limit');
    const registry = this.#registry(wanted, shared);
    const config = configIn(await registry.small(manifest.config), words);
    const root = join(folder, TREE);
    await mkdir(root, { recursive: true, mode: 0o755 });
    const left: Allowance = { bytes: this.options.mostBytes, files: MOST_FILES };
    for (const [at, layer] of manifest.layers.entries()) {
      const file = join(folder, 'layer');
      await registry.fetch(layer, file);
      const plain = await unpackLayer(file, layer.mediaType, root, { ...shared, left }).catch((error: unknown) => {
        if (!(error instanceof LayerRefused)) throw error;
        throw new UserError('FX-IMAGE', `The image ${words} cannot be unpacked: ${error.message}`);
      });
      if (plain !== config.rootfs.diff_ids[at])
        throw new UserError(
          'FX-IMAGE',
          `The image ${words} is damaged: what layer ${at + 1} unpacks to is not what it should be`,
        );
      await rm(file);
    }
    await addFilesOfSandbox(root);
    const record = { digest, bytes: this.options.mostBytes - left.bytes, settings: settingsOf(config) };
    await writeFile(join(folder, RECORD), JSON.stringify(record), { mode: 0o600 });
    return record;
  }

  /** Lets the least recently used go, those that nobody has. */
  async #makeRoomFor(bytes: number): Promise<void> {
    const idle = [...this.#kept.values()].filter(({ users }) => users === 0).sort((a, b) => a.usedAt - b.usedAt);
    for (const { digest, users } of idle) {
      if (this.bytes + bytes <= this.options.mostBytes) return;
      if (users > 0) continue;
      this.#kept.delete(digest);
      await this.options.onForget(this.#treeOf(digest)).catch(this.options.onError);
      await rm(join(this.#images, folderOf(digest)), { recursive: true, force: true });
    }
  }
}

const configIn = (bytes: Buffer, words: string): z.output<typeof configSchema> => {
  try {
    return configSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw new UserError('FX-IMAGE', `The image ${words} is damaged: its description cannot be read`);
  }
};

/** Files that the sandbox lays others over, where the image has none, or links. */
const addFilesOfSandbox = async (root: string): Promise<void> => {
  const folder = join(root, 'etc');
  // A link would lead whoever makes the sandbox, who follows it with rights of the machine.
  if ((await entryAt(folder))?.isDirectory() !== true) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o755 });
  }
  for (const [name, text] of [
    ['resolv.conf', ''],
    ['hosts', '127.0.0.1 localhost\n::1 localhost\n'],
  ] as const) {
    const path = join(folder, name);
    if ((await entryAt(path))?.isFile() === true) continue;
    await rm(path, { recursive: true, force: true });
    await writeFile(path, text, { mode: 0o644 });
  }
};
