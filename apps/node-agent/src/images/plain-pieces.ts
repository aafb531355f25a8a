import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline as together, type Readable } from 'node:stream';
import * as zlib from 'node:zlib';

import { gunzipInStep } from './gunzip-in-step.js';
import { LayerRefused } from './tree-path.js';

/** What a layer is without its compression. */
export interface Plain {
  /** One at a time: whoever asks for the next one has nothing of that before any more. Whoever reads no further ends them (`return`). */
  readonly pieces: AsyncGenerator<Buffer, void, undefined>;
  /** Of all of them, once they have come. */
  digest(): string;
}

type Compression = 'none' | 'gzip' | 'zstd';

/** What is undone in one step: in smaller pieces most of the time would be spent on passing them on. */
const PIECE_BYTES = 1_048_576;

/** @throws LayerRefused */
const compressionOf = (mediaType: string): Compression => {
  if (/\.tar$|tar\.uncompressed$/.test(mediaType)) return 'none';
  if (/[.+]gzip$/.test(mediaType)) return 'gzip';
  if (/[.+]zstd$/.test(mediaType) && 'createZstdDecompress' in zlib) return 'zstd';
  throw new LayerRefused(`a layer is of the kind ${mediaType.slice(0, 100)}, which this node does not unpack`);
};

/** Undoes the compression of a layer, by its media type. @param isInStep gzip by this thread alone, where this Node can @throws LayerRefused it is of none that is known */
export const plainOf = (file: string, mediaType: string, signal: AbortSignal, isInStep = false): Plain => {
  const compression = compressionOf(mediaType);
  const hash = createHash('sha256');
  const inStep = compression === 'gzip' && isInStep ? gunzipInStep(file) : undefined;
  const read = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of inStep ?? streamed(file, compression, signal)) {
      hash.update(piece);
      yield piece;
    }
  };
  return { pieces: read(), digest: () => `sha256:${hash.digest('hex')}` };
};

/** By streams of Node's own, beside this thread. */
async function* streamed(
  file: string,
  compression: Compression,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const source = createReadStream(file, { highWaterMark: PIECE_BYTES });
  // What became of either is told by who reads.
  const through = (transform: zlib.Gunzip): Readable => together(source, transform, () => undefined);
  const options = { chunkSize: PIECE_BYTES };
  const plain =
    compression === 'none'
      ? source
      : through(compression === 'gzip' ? zlib.createGunzip(options) : zlib.createZstdDecompress(options));
  // Whoever reads may be waiting for more.
  const end = (): void => void plain.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    yield* plain as AsyncIterable<Buffer>;
  } finally {
    signal.removeEventListener('abort', end);
    plain.destroy();
  }
}
