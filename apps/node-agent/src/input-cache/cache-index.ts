/** Content that is in the cache. */
export interface CachedContent {
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

/** What a name stands for, until when. A name is that of an object in one version, for one owner. */
export interface CacheEntry extends CachedContent {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Files of one content with different modes are different files. */
export const fileNameOf = ({ sha256, isExecutable }: CachedContent): string => `${sha256}${isExecutable ? '.x' : ''}`;

/** Names are kept in memory. */
const MOST_NAMES = 200_000;
/** What the smallest file takes on a disk. */
const LEAST_BYTES = 4_096;

const bytesOf = ({ sizeBytes }: CachedContent): number => Math.max(sizeBytes, LEAST_BYTES);

/**
 * Which content is known by which names, the least recently used first. Pure but for the state that it holds: files are its caller's matter, who
 * removes those that `add`, `expire` and `free` return.
 */
export class CacheIndex {
  /** In the order of use. */
  readonly #entries = new Map<string, CacheEntry>();
  /** Names by file. */
  readonly #names = new Map<string, Set<string>>();
  #bytes = 0;

  /** @param most bytes of all content together */
  constructor(private readonly most: number) {}

  /** Bytes of all content, each counted once however many names it has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All entries, the least recently used first. */
  entries(): readonly CacheEntry[] {
    return [...this.#entries.values()];
  }

  /** What a name stands for, which counts as a use: it stays for another `ttlMs`. */
  use(name: string, now: number, ttlMs: number): CachedContent | undefined {
    const entry = this.#entries.get(name);
    if (!entry || entry.expiresAt <= now) return undefined;
    this.#entries.delete(name);
    this.#entries.set(name, { ...entry, expiresAt: Math.max(entry.expiresAt, now + ttlMs) });
    return entry;
  }

  /** Whether content of this size can be kept at all. */
  fits(sizeBytes: number): boolean {
    return sizeBytes <= this.most;
  }

  /** @returns files that have to go, so that no more than the bound is kept */
  add(entry: CacheEntry): readonly string[] {
    const former = this.forget(entry.name);
    this.#entries.set(entry.name, entry);
    const file = fileNameOf(entry);
    const names = this.#names.get(file);
    if (names) names.add(entry.name);
    else {
      this.#names.set(file, new Set([entry.name]));
      this.#bytes += bytesOf(entry);
    }
    const left = former === undefined || former === file ? [] : [former];
    return [...left, ...this.#free(this.#bytes - this.most, file)];
  }

  /** @returns files whose time is over */
  expire(now: number): readonly string[] {
    const over = this.entries().filter(({ expiresAt }) => expiresAt <= now);
    return over.flatMap(({ name }) => this.forget(name) ?? []);
  }

  /** @returns files, the least recently used first, that together hold so many bytes */
  free(bytes: number): readonly string[] {
    return this.#free(bytes);
  }

  /** Forgets a name. @returns its file, when it has no other */
  forget(name: string): string | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    this.#entries.delete(name);
    const file = fileNameOf(entry);
    const names = this.#names.get(file);
    names?.delete(name);
    if (names && names.size > 0) return undefined;
    this.#names.delete(file);
    this.#bytes -= bytesOf(entry);
    return file;
  }

  #free(bytes: number, kept?: string): readonly string[] {
    const files: string[] = [];
    const before = this.#bytes;
    for (const entry of this.#entries.values()) {
      if (before - this.#bytes >= bytes && this.#entries.size <= MOST_NAMES) break;
      if (fileNameOf(entry) === kept) continue;
      const file = this.forget(entry.name);
      if (file !== undefined) files.push(file);
    }
    return files;
  }
}
