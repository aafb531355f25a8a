import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { type Brought, type LayerOver, writeFileOf } from './layer-over.js';
import type { TarEntry } from './tar-reader.js';

/** When a layer may be put over those before it. */
export interface Turn {
  /** Where what it brings waits until then; not there yet. */
  readonly folder: string;
  /** Settles once those are in their place, or will never be. */
  readonly comes: PromiseLike<unknown>;
}

/** Of files that are gathered in memory, and written in one step. */
const MOST_AT_ONCE_BYTES = 65_536;
/** What waits for its turn in memory: content, names and what links lead to. A layer that has more is read on when that has come. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 33_554_432;

/** What of a layer came before its turn: files that are not small lie in the folder of that, the rest is in memory. */
export class EarlyEntries {
  readonly #entries: Brought[] = [];
  #bytes = 0;
  #files = 0;
  #hasCome: boolean;

  constructor(
    private readonly turn: Turn | undefined,
    private readonly signal: AbortSignal,
  ) {
    this.#hasCome = turn === undefined;
    turn?.comes.then(
      () => (this.#hasCome = true),
      () => undefined,
    );
  }

  /** Puts an entry into its place, after all that came before it; or keeps it until there may be one. @throws what made that impossible */
  async take(entry: TarEntry, over: LayerOver): Promise<void> {
    if (this.#hasCome) {
      await this.flush(over);
      return over.place(isSmall(entry) ? await gathered(entry) : entry);
    }
    const kept = await this.#kept(entry);
    this.#entries.push(kept);
    this.#bytes += heldBytes(kept);
    if (this.#entries.length >= MOST_WAITING || this.#bytes >= MOST_WAITING_BYTES) await this.flush(over);
  }

  /** Waits for the turn, and puts all that is kept into its place. */
  async flush(over: LayerOver): Promise<void> {
    await this.turn?.comes;
    this.#hasCome = true;
    for (const entry of this.#entries) {
      this.signal.throwIfAborted();
      await over.place(entry);
    }
    this.#entries.length = 0;
    this.#bytes = 0;
  }

  async #kept(entry: TarEntry): Promise<Brought> {
    if (isSmall(entry) || !this.turn) return gathered(entry);
    const { folder } = this.turn;
    if (this.#files === 0) await mkdir(folder, { mode: 0o700 });
    const file = join(folder, String((this.#files += 1)));
    await writeFileOf(file, entry.mode, entry.content);
    return { ...entry, content: { file } };
  }
}

/** What an entry takes of memory that whoever made the image chooses: text takes two bytes for a sign. */
const heldBytes = ({ name, linkname, content }: Brought): number =>
  2 * (name.length + linkname.length) + (Buffer.isBuffer(content) ? content.length : 0);

const isSmall = ({ type, size }: TarEntry): boolean => type !== 'file' || size <= MOST_AT_ONCE_BYTES;

/** What it has in memory; of what is no file nothing. */
const gathered = async (entry: TarEntry): Promise<Brought> => {
  if (entry.type !== 'file') return { ...entry, content: Buffer.alloc(0) };
  const content = Buffer.allocUnsafe(entry.size);
  let at = 0;
  for await (const part of entry.content) at += part.copy(content, at);
  return { ...entry, content };
};
