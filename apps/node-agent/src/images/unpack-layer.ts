import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../files/job-files.js';
import { type Allowance, BLOCK, type Brought, LayerOver, writeFileOf } from './layer-over.js';
import { type Plain, plainOf } from './plain-pieces.js';
import { entriesOf, type TarEntry } from './tar-reader.js';
import { LayerRefused } from './tree-path.js';

/** When a layer may be put over those before it. */
export interface Turn {
  /** Where what it brings waits until then; not there yet. */
  readonly folder: string;
  /** Settles once those are in their place, or will never be. */
  readonly comes: PromiseLike<unknown>;
}

export interface LayerOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly left: Allowance;
  /** Has room for so many more bytes. @throws Error there is none */
  readonly onGrow?: (bytes: number) => Promise<void> | undefined;
  /** Absent: at once. */
  readonly turn?: Turn;
  /** Bytes of a file that is worth a thread. */
  readonly threadsFrom?: number | undefined;
}

/** Of files that are gathered in memory, and written in one step. */
const MOST_AT_ONCE_BYTES = 65_536;
/** What waits for its turn in memory: content, names and what links lead to. A layer that has more is read on when that has come. */
const MOST_WAITING = 20_000;
const MOST_WAITING_BYTES = 33_554_432;
/** What a layer is without its compression, as it goes by. @throws LayerRefused it is without an end */
async function* watched({ pieces }: Plain, { left, onMoved, signal }: LayerOptions): AsyncGenerator<Buffer> {
  // What compresses well may be without an end.
  let mostBytes = left.bytes + left.files * BLOCK * 4;
  for await (const chunk of pieces) {
    signal.throwIfAborted();
    if (!((mostBytes -= chunk.length) >= 0)) throw new LayerRefused('it is larger than this node keeps of images');
    onMoved();
    yield chunk;
  }
}

/** What of a layer came before its turn: files that are not small lie in the folder of that, the rest is in memory. */
class Early {
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

/**
 * Unpacks a layer over what lies in a folder. One whose turn has not come is read all the same, and what it brings waits beside.
 * @returns the digest of what it is without its compression
 * @throws LayerRefused, what the disk says, what `onGrow` throws, the signal's reason, why its turn does not come
 */
export const unpackLayer = async (
  file: string,
  mediaType: string,
  root: string,
  options: LayerOptions,
): Promise<string> => {
  const { signal, left, onGrow = () => undefined } = options;
  signal.throwIfAborted();
  const over = new LayerOver(root, left, onGrow);
  const early = new Early(options.turn, signal);
  const plain = await plainOf(file, mediaType, signal, options.threadsFrom);
  try {
    for await (const entry of entriesOf(watched(plain, options))) {
      signal.throwIfAborted();
      await over.pay(entry);
      await early.take(entry, over);
    }
    await early.flush(over);
  } catch (error) {
    signal.throwIfAborted();
    throw isOfImage(error) ? new LayerRefused(`a layer of it cannot be read: ${codeOf(error)}`) : error;
  } finally {
    await plain.pieces.return();
  }
  return plain.digest();
};

/** What a tree says of names and links that cannot be, and what undoes compression says of what is none. */
const OF_IMAGE: ReadonlySet<string> = new Set([
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EINVAL',
  'EEXIST',
  'ELOOP',
  'EMLINK',
  'EILSEQ',
  'ERR_INVALID_ARG_VALUE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
const isOfImage = (error: unknown): boolean => {
  const code = codeOf(error);
  return OF_IMAGE.has(code) || /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code);
};
