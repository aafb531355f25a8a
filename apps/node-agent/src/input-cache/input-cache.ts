import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { counterOf } from '@fornax/base';
import { z } from 'zod';

import { codeOf } from '../files/job-files.js';
import { type CachedContent, type CacheEntry, CacheIndex, fileNameOf } from './cache-index.js';
import type { FetchedObject } from './fetch-object.js';

export interface InputCacheOptions {
  /** Of this cache alone, where no instance can write. */
  readonly folder: string;
  /** Bytes of all that is kept. */
  readonly mostBytes: number;
  readonly onError: (error: unknown) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Something that is wanted of the cache. */
export interface Wanted {
  /** Says whose it is, and which object in which version: only who has just seen it in a listing of the lease's may ask for it. */
  readonly name: readonly string[];
  readonly sizeBytes: number;
  /** How long it is kept after its last use; 0: not at all. */
  readonly ttlMs: number;
  /** Fetches it into a file that does not exist. */
  readonly fetch: (file: string) => Promise<FetchedObject>;
  /** Ends the waiting while somebody else fetches it. */
  readonly signal?: AbortSignal;
}

/** A file with the content, read-only; whoever takes it finds it gone when the cache needed the room meanwhile. */
export interface CachedFile extends CachedContent {
  readonly file: string;
}

const line = z.object({
  name: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().nonnegative(),
  isExecutable: z.boolean(),
  expiresAt: z.number(),
});

const INDEX = 'index.jsonl';
/** Lines that are appended before the file is written anew. */
const MOST_LINES = 400_000;
/** Between two looks at what is over. */
const EXPIRE_EVERY_MS = 60_000;

const linesOf = (text: string): readonly CacheEntry[] =>
  text.split('\n').flatMap((row) => {
    try {
      return [line.parse(JSON.parse(row))];
    } catch {
      // The last one of a process that was killed.
      return [];
    }
  });

/** Where what is being fetched lies, and what has come. */
const FOLDERS = ['incoming', 'content'] as const;

const sha256Of = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};

/** Waits until the work has ended, whichever way. @throws the reason of the signal, as soon as it aborts */
const settled = async (work: Promise<unknown>, signal?: AbortSignal): Promise<void> => {
  signal?.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([work.catch(() => undefined), promise]);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
};

/**
 * Inputs that instances of this node had, for those that come: content by its SHA-256, found by names that tell whose it is and which version of which
 * object. Two tenants share the bytes of one content, but neither finds it by the other's name: each has fetched it once with rights of its own.
 *
 *   content/<sha256>    whole and read-only; renamed here when all of it has come, and read once to check it before a new process trusts it
 *   incoming/<uuid>     what is being fetched; removed when the next process begins
 *   index.jsonl         names, the least recently used first, as of the last clean end; then what came since
 */
export class InputCache {
  readonly #index: CacheIndex;
  readonly #flights = new Map<string, Promise<CachedContent>>();
  /** When files that this process has read or written were changed last, by then; milliseconds. */
  readonly #checked = new Map<string, number>();
  readonly #now: () => number;
  readonly #objects = counterOf('fornax.inputs');
  readonly #size = counterOf('fornax.inputs.size');
  #lines = 0;
  /** Lines that wait to be written. */
  readonly #unwritten: string[] = [];
  #expiredAt = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(private readonly options: InputCacheOptions) {
    this.#index = new CacheIndex(options.mostBytes);
    this.#now = options.now ?? Date.now;
  }

  /** Takes up what an earlier process left. @throws Error the folder cannot be used */
  static async open(options: InputCacheOptions): Promise<InputCache> {
    const cache = new InputCache(options);
    await rm(join(options.folder, 'incoming'), { recursive: true, force: true });
    await cache.#makeFolders();
    await cache.#restore();
    return cache;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#index.bytes;
  }

  /** The file of what is wanted, fetched where it is not here; undefined: it is not to be kept, or too large. Rejects as its `fetch` does. */
  async bring(wanted: Wanted): Promise<CachedFile | undefined> {
    const { sizeBytes, ttlMs } = wanted;
    if (ttlMs === 0 || !this.#index.fits(sizeBytes)) {
      this.#count('storage', sizeBytes);
      return undefined;
    }
    const name = createHash('sha256').update(JSON.stringify(wanted.name)).digest('hex');
    for (;;) {
      const known = await this.#find(name, wanted);
      if (known) {
        this.#count('cache', sizeBytes);
        return known;
      }
      const flight = this.#flights.get(name);
      // Whoever fetches may be cancelled: then the next one does.
      if (flight) await settled(flight, wanted.signal);
      else return this.#fly(name, wanted);
    }
  }

  /** Lets go of so many bytes, as far as there are any: the disk is short of room. */
  async free(amount: number): Promise<void> {
    await this.#remove([...this.#index.expire(this.#now()), ...this.#index.free(amount)]);
  }

  /** Writes down what was used last. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#rewrite();
  }

  async #makeFolders(): Promise<void> {
    for (const name of FOLDERS) await mkdir(join(this.options.folder, name), { recursive: true, mode: 0o700 });
  }

  #count(from: 'cache' | 'storage', sizeBytes: number): void {
    this.#objects.add(1, { from });
    this.#size.add(sizeBytes, { from });
  }

  async #find(name: string, { ttlMs }: Wanted): Promise<CachedFile | undefined> {
    const content = this.#index.use(name, this.#now(), ttlMs);
    if (!content) return undefined;
    if (await this.#isWhole(content)) return this.#given(content);
    await this.#remove([this.#index.forget(name) ?? '']);
    return undefined;
  }

  /** What an earlier process wrote may have been cut by a loss of power, or changed by the disk; anything may have been written to by somebody else. */
  async #isWhole(content: CachedContent): Promise<boolean> {
    const file = this.#fileOf(content);
    const facts = await stat(file).catch(() => undefined);
    if (facts?.size !== content.sizeBytes) return false;
    if (this.#checked.get(file) === facts.mtimeMs) return true;
    const isWhole = (await sha256Of(file).catch(() => '')) === content.sha256;
    if (isWhole) this.#checked.set(file, facts.mtimeMs);
    return isWhole;
  }

  async #fly(name: string, wanted: Wanted): Promise<CachedFile> {
    const flight = this.#fetch(name, wanted);
    this.#flights.set(name, flight);
    try {
      const content = await flight;
      this.#count('storage', content.sizeBytes);
      return this.#given(content);
    } finally {
      this.#flights.delete(name);
    }
  }

  async #fetch(name: string, { fetch, ttlMs }: Wanted): Promise<CachedContent> {
    const incoming = join(this.options.folder, 'incoming', randomUUID());
    try {
      const content = await this.#inFolders(() => fetch(incoming));
      const file = this.#fileOf(content);
      if (content.isExecutable) await chmod(incoming, 0o555);
      const { mtimeMs } = await stat(incoming);
      await this.#inFolders(() => rename(incoming, file));
      this.#checked.set(file, mtimeMs);
      const entry = { name, ...content, expiresAt: this.#now() + ttlMs };
      await this.#remove([...this.#over(), ...this.#index.add(entry)]);
      this.#append(entry);
      return content;
    } catch (error) {
      await rm(incoming, { force: true });
      throw error;
    }
  }

  /** Somebody who was short of room may have removed the whole cache while this process runs. */
  #inFolders<T>(work: () => Promise<T>): Promise<T> {
    return work().catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await this.#makeFolders();
      return work();
    });
  }

  #over(): readonly string[] {
    const now = this.#now();
    if (now - this.#expiredAt < EXPIRE_EVERY_MS) return [];
    this.#expiredAt = now;
    return this.#index.expire(now);
  }

  #given(content: CachedContent): CachedFile {
    const { sha256, sizeBytes, isExecutable } = content;
    return { sha256, sizeBytes, isExecutable, file: this.#fileOf(content) };
  }

  #fileOf(content: CachedContent): string {
    return join(this.options.folder, 'content', fileNameOf(content));
  }

  async #remove(files: readonly string[]): Promise<void> {
    for (const name of files) {
      if (name === '') continue;
      const file = join(this.options.folder, 'content', name);
      this.#checked.delete(file);
      await rm(file, { force: true });
    }
  }

  #append(entry: CacheEntry): void {
    this.#lines += 1;
    this.#unwritten.push(`${JSON.stringify(entry)}\n`);
    // Those that come while it waits for the one before are written with it.
    if (this.#unwritten.length > 1) return;
    const write = (): Promise<void> => {
      const lines = this.#unwritten.splice(0).join('');
      return this.#lines > MOST_LINES ? this.#rewrite() : appendFile(join(this.options.folder, INDEX), lines);
    };
    // Without its line it is fetched again by the next process: no reason to fail.
    this.#writing = this.#writing.then(write).catch((error: unknown) => this.options.onError(error));
  }

  async #rewrite(): Promise<void> {
    const entries = this.#index.entries();
    this.#lines = entries.length;
    const next = join(this.options.folder, `${INDEX}.next`);
    await writeFile(next, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await rename(next, join(this.options.folder, INDEX));
  }

  async #restore(): Promise<void> {
    const { folder } = this.options;
    const text = await readFile(join(folder, INDEX), 'utf8').catch(() => '');
    const present = new Set(await readdir(join(folder, 'content')));
    const gone = linesOf(text)
      .filter((entry) => present.has(fileNameOf(entry)))
      .flatMap((entry) => this.#index.add(entry));
    gone.push(...this.#index.expire(this.#now()));
    const named = new Set(this.#index.entries().map(fileNameOf));
    await this.#remove([...gone, ...[...present].filter((file) => !named.has(file))]);
    await this.#rewrite();
  }
}
