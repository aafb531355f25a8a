import { LayerRefused } from './tree-path.js';

/** What an entry of an archive is; what no image needs is `other`. */
export type TarType = 'file' | 'directory' | 'symlink' | 'link' | 'device' | 'other';

/** An entry of an archive. */
export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  readonly mode: number;
  readonly linkname: string;
  /** Bytes of its content: a whole number, never negative. */
  readonly size: number;
  /** Its content, to be read before the next entry is asked for; each piece before the next one. */
  readonly content: AsyncIterable<Buffer>;
}

const BLOCK = 512;
/** Of names and notes that stand before an entry, which are gathered in memory: as much as engines take. */
const MOST_LONG_BYTES = 1_048_576;
/** Of a name, and of what a link leads to: no system takes more (PATH_MAX). */
const MOST_PATH_BYTES = 4_095;
const TYPES: Readonly<Record<string, TarType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'device',
};

const unreadable = (why: string): LayerRefused => new LayerRefused(`a layer of it cannot be read: ${why}`);

/** Bytes of a stream, as many as are asked for. */
class Bytes {
  readonly #source: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Some of the next ones, until more are asked for; undefined: there are no more. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) return undefined;
      this.#chunk = value;
    }
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  /** Its own copy. @returns undefined: it ends here @throws LayerRefused it ends before */
  async exactly(count: number): Promise<Buffer | undefined> {
    const all = Buffer.allocUnsafe(count);
    for (let have = 0; have < count;) {
      const part = await this.some(count - have);
      if (part === undefined && have === 0) return undefined;
      if (part === undefined) throw unreadable('it ends too early');
      have += part.copy(all, have);
    }
    return all;
  }

  async skip(count: number): Promise<void> {
    for (let missing = count; missing > 0;) {
      const part = await this.some(missing);
      if (part === undefined) throw unreadable('it ends too early');
      missing -= part.length;
    }
  }
}

const textAt = (block: Buffer, at: number, length: number): string => {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
};

/** A number in a header: octal digits, or (GNU) bytes. @throws LayerRefused */
const numberAt = (block: Buffer, at: number, length: number): number => {
  const field = block.subarray(at, at + length);
  if (field[0] === 0x80) {
    const value = BigInt(`0x${field.subarray(1).toString('hex')}`);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  } else {
    const digits = field.toString('latin1').replaceAll('\0', ' ').trim();
    if (/^[0-7]*$/.test(digits)) return digits === '' ? 0 : Number.parseInt(digits, 8);
  }
  throw unreadable('a header has a number that is none');
};

interface Header extends Omit<TarEntry, 'content' | 'type'> {
  readonly flag: string;
}

/** What is said before an entry, for where its header has no room. */
interface SaidBefore {
  readonly name?: string | undefined;
  readonly linkname?: string | undefined;
  readonly size?: number | undefined;
  readonly isSparse?: boolean;
}

/** Before ustar, a name that ends so was that of a folder; `0` says that it is a file, whatever its name. @param name whole: that of a header alone may be cut behind a slash */
const typeOf = (flag: string, name: string): TarType =>
  flag === '\0' && name.endsWith('/') ? 'directory' : (TYPES[flag] ?? 'other');

/** Of eight spaces, as which the sum itself counts. */
const SUM_OF_NOTHING = 8 * 32;

/** The sum that a header has of itself. By index: it is most of what reading many small files costs. */
const sumOf = (block: Buffer): number => {
  let sum = SUM_OF_NOTHING;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum;
};

/** @returns undefined: a block of zeros @throws LayerRefused */
const headerIn = (block: Buffer): Header | undefined => {
  const sum = sumOf(block);
  if (sum === SUM_OF_NOTHING && block.every((byte) => byte === 0)) return undefined;
  if (sum !== numberAt(block, 148, 8)) throw unreadable('a header of it is damaged');
  const magic = block.toString('latin1', 257, 263);
  if (magic !== 'ustar\0' && magic !== 'ustar ') throw unreadable('it is of a form that is not known');
  const name = textAt(block, 0, 100);
  const prefix = magic === 'ustar\0' ? textAt(block, 345, 155) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    flag: block.toString('latin1', 156, 157),
    mode: numberAt(block, 100, 8) & 0o7777,
    size: numberAt(block, 124, 12),
    linkname: textAt(block, 157, 100),
  };
};

/** What the notes before an entry say of it: lines of their length, a key and a value. @throws LayerRefused */
const notesIn = (bytes: Buffer): ReadonlyMap<string, string> => {
  const notes = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(' ', at);
    const digits = bytes.toString('latin1', at, space === -1 ? at : Math.min(space, at + 10));
    const end = at + (/^\d+$/.test(digits) ? Number(digits) : 0);
    const equals = bytes.indexOf('=', space);
    if (end <= space || end > bytes.length || equals === -1 || equals >= end || bytes[end - 1] !== 0x0a)
      throw unreadable('notes before an entry are damaged');
    notes.set(bytes.toString('utf8', space + 1, equals), bytes.toString('utf8', equals + 1, end - 1));
    at = end;
  }
  return notes;
};

/** @throws LayerRefused */
const sizeIn = (text: string): number => {
  const size = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw unreadable('the size of an entry is no number');
  return size;
};

/**
 * Reads the entries of an archive (ustar, pax, GNU), one after the other, and keeps no more of it than the header of one.
 * @param source a piece is not read any more once the next one is asked for
 * @throws LayerRefused it is none, it is cut, a header or a path is too long or says what cannot be; what the source throws
 */
export async function* entriesOf(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const bytes = new Bytes(source);
  let before: SaidBefore = {};
  for (let zeros = 0; zeros < 2;) {
    const block = await bytes.exactly(BLOCK);
    if (block === undefined) return;
    const header = headerIn(block);
    zeros = header ? 0 : zeros + 1;
    if (!header) continue;
    if ('xgLK'.includes(header.flag)) {
      before = { ...before, ...(await longIn(bytes, header)) };
      continue;
    }
    const { name = header.name, linkname = header.linkname, size: stated = header.size, isSparse = false } = before;
    before = {};
    if (Buffer.byteLength(name) > MOST_PATH_BYTES || Buffer.byteLength(linkname) > MOST_PATH_BYTES)
      throw unreadable(`it has a path of more than ${MOST_PATH_BYTES} bytes`);
    const type = isSparse ? 'other' : typeOf(header.flag, name);
    // Some write there how much may come into a folder: nothing follows. What is a folder by its name alone has the bytes that it says, as other readers have it.
    const size = header.flag === '5' ? 0 : stated;
    let left = size;
    const content = async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const part = await bytes.some(left);
        if (part === undefined) throw unreadable('it ends too early');
        left -= part.length;
        yield part;
      }
    };
    yield { name, type, mode: header.mode, linkname, size, content: content() };
    await bytes.skip(left + paddingOf(size));
  }
  // What stands behind the end is part of what the digest is of.
  while ((await bytes.some(Number.MAX_SAFE_INTEGER)) !== undefined);
}

const paddingOf = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

/** What is said before an entry, of that entry. What is said of all that follow is not for images, as other engines have it. */
const longIn = async (bytes: Bytes, { flag, size }: Header): Promise<SaidBefore> => {
  if (size > MOST_LONG_BYTES) throw unreadable(`what stands before an entry is longer than ${MOST_LONG_BYTES} bytes`);
  const content = size === 0 ? Buffer.alloc(0) : await bytes.exactly(size);
  if (content === undefined) throw unreadable('it ends too early');
  await bytes.skip(paddingOf(size));
  if (flag === 'g') return {};
  if (flag === 'L') return { name: textAt(content, 0, content.length) };
  if (flag === 'K') return { linkname: textAt(content, 0, content.length) };
  const notes = notesIn(content);
  const [name, linkname, stated] = [notes.get('path'), notes.get('linkpath'), notes.get('size')];
  return {
    ...(name === undefined ? {} : { name }),
    ...(linkname === undefined ? {} : { linkname }),
    ...(stated === undefined ? {} : { size: sizeIn(stated) }),
    // Its content begins with a map of its holes, and its name is another one.
    ...([...notes.keys()].some((key) => key.startsWith('GNU.sparse.')) ? { isSparse: true } : {}),
  };
};
