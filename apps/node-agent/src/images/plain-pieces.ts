import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline as together, type Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import * as zlib from 'node:zlib';

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
const PIECE_BYTES = 262_144;
/** Pieces that a thread is ahead. */
const MOST_AHEAD = 8;
/** A layer that is packed to less is not worth a thread. */
const SMALL_BYTES = 4_194_304;

/** @throws LayerRefused */
const compressionOf = (mediaType: string): Compression => {
  if (/\.tar$|tar\.uncompressed$/.test(mediaType)) return 'none';
  if (/[.+]gzip$/.test(mediaType)) return 'gzip';
  if (/[.+]zstd$/.test(mediaType) && 'createZstdDecompress' in zlib) return 'zstd';
  throw new LayerRefused(`a layer is of the kind ${mediaType.slice(0, 100)}, which this node does not unpack`);
};

/** In this thread. */
const plainHere = (file: string, compression: Compression, signal: AbortSignal): Plain => {
  const hash = createHash('sha256');
  const source = createReadStream(file, { highWaterMark: PIECE_BYTES });
  // What became of either is told by who reads.
  const through = (transform: zlib.Gunzip): Readable => together(source, transform, () => undefined);
  const options = { chunkSize: PIECE_BYTES };
  const read = async function* (): AsyncGenerator<Buffer, void, undefined> {
    const plain =
      compression === 'none'
        ? source
        : through(compression === 'gzip' ? zlib.createGunzip(options) : zlib.createZstdDecompress(options));
    // Whoever reads may be waiting for more.
    const end = (): void => void plain.destroy();
    signal.addEventListener('abort', end, { once: true });
    try {
      for await (const piece of plain as AsyncIterable<Buffer>) {
        hash.update(piece);
        yield piece;
      }
    } finally {
      signal.removeEventListener('abort', end);
      plain.destroy();
    }
  };
  return { pieces: read(), digest: () => `sha256:${hash.digest('hex')}` };
};

/** Pieces go through memory that both threads see: whatever is made anew for each has to be collected, and what is collected in this one is the agent's. */
const THREAD = `
const { createHash } = require('node:crypto');
const { createReadStream } = require('node:fs');
const { pipeline } = require('node:stream');
const { parentPort, workerData: { file, compression, shared, size } } = require('node:worker_threads');
const zlib = require('node:zlib');
const free = Array.from({ length: shared.byteLength / size }, (_, slot) => slot);
let wake = () => undefined;
parentPort.on('message', (slot) => { free.push(slot); wake(); });
const tell = async () => {
  const source = createReadStream(file, { highWaterMark: size });
  const options = { chunkSize: size };
  const plain = compression === 'none' ? source
    : pipeline(source, compression === 'gzip' ? zlib.createGunzip(options) : zlib.createZstdDecompress(options), () => undefined);
  const hash = createHash('sha256');
  for await (const piece of plain) {
    hash.update(piece);
    for (let at = 0; at < piece.length; at += size) {
      while (free.length === 0) await new Promise((resolve) => (wake = resolve));
      const slot = free.shift();
      const part = piece.subarray(at, at + size);
      new Uint8Array(shared, slot * size, part.length).set(part);
      parentPort.postMessage({ slot, bytes: part.length });
    }
  }
  parentPort.postMessage({ digest: hash.digest('hex') });
};
tell().catch(({ code, message }) => parentPort.postMessage({ code, message })).finally(() => parentPort.close());
`;

type Told =
  | { readonly slot: number; readonly bytes: number }
  | { readonly digest: string }
  | { readonly code?: string; readonly message: string };

/** In a thread of its own, which undoes and hashes while this one puts files into their places. */
const plainByThread = (file: string, compression: Compression, signal: AbortSignal): Plain => {
  let digest = '';
  const read = async function* (): AsyncGenerator<Buffer, void, undefined> {
    const shared = new SharedArrayBuffer(MOST_AHEAD * PIECE_BYTES);
    const worker = new Worker(THREAD, { eval: true, workerData: { file, compression, shared, size: PIECE_BYTES } });
    const told: Told[] = [];
    let wake = (): void => undefined;
    const hear = (what: Told): void => {
      told.push(what);
      wake();
    };
    worker.on('message', hear);
    worker.on('error', ({ message }: Error) => hear({ message }));
    worker.on('exit', () => hear({ message: 'the thread that reads a layer ended' }));
    const end = (): void => hear({ message: 'it is given up' });
    signal.addEventListener('abort', end, { once: true });
    try {
      for (;;) {
        for (; told.length === 0; await new Promise<void>((resolve) => (wake = resolve)));
        signal.throwIfAborted();
        const next = told.shift();
        if (next && 'slot' in next) {
          yield Buffer.from(shared, next.slot * PIECE_BYTES, next.bytes);
          worker.postMessage(next.slot);
        } else if (next && 'digest' in next) {
          digest = next.digest;
          return;
        } else if (next) throw Object.assign(new Error(next.message), { code: next.code ?? '' });
      }
    } finally {
      signal.removeEventListener('abort', end);
      await worker.terminate();
    }
  };
  return { pieces: read(), digest: () => `sha256:${digest}` };
};

/** Undoes the compression of a layer, by its media type. @param threadsFrom bytes of a file that is worth a thread @throws LayerRefused it is of none that is known */
export const plainOf = async (
  file: string,
  mediaType: string,
  signal: AbortSignal,
  threadsFrom = SMALL_BYTES,
): Promise<Plain> => {
  const compression = compressionOf(mediaType);
  const { size } = await stat(file);
  return (size < threadsFrom ? plainHere : plainByThread)(file, compression, signal);
};
