import { codeOf } from '../files/job-files.js';
import { EarlyEntries, type Turn } from './early-entries.js';
import { type Allowance, type Spend } from './layer-budget.js';
import { BLOCK, LayerOver } from './layer-over.js';
import { type Plain, plainOf } from './plain-pieces.js';
import { entriesOf } from './tar-reader.js';
import { LayerRefused } from './tree-path.js';

export interface UnpackOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly spend: Spend;
  /** Of what it is without its compression. */
  readonly mostBytes: number;
  /** Whether gzip is undone by this thread, in which nobody waits for anything else, between its other work. */
  readonly isInStep?: boolean;
  /** Absent: at once. */
  readonly turn?: Turn | undefined;
}

/** As much as a layer may be without its compression when so much is left: what compresses well may be without an end. */
export const mostPlain = ({ bytes, files }: Readonly<Allowance>): number => bytes + files * BLOCK * 4;

/** What a layer is without its compression, as it goes by. @throws LayerRefused it is without an end */
async function* watched({ pieces }: Plain, { mostBytes, onMoved, signal }: UnpackOptions): AsyncGenerator<Buffer> {
  let left = mostBytes;
  for await (const chunk of pieces) {
    signal.throwIfAborted();
    if (!((left -= chunk.length) >= 0)) throw new LayerRefused('it is larger than this node keeps of images');
    onMoved();
    yield chunk;
  }
}

/** Unpacks a layer as `unpackLayer` does, in this thread. */
export const unpackHere = async (
  file: string,
  mediaType: string,
  root: string,
  options: UnpackOptions,
): Promise<string> => {
  const { signal, spend, turn, isInStep } = options;
  signal.throwIfAborted();
  const over = new LayerOver(root, spend);
  const early = new EarlyEntries(turn, signal);
  const plain = plainOf(file, mediaType, signal, isInStep);
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
