import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { UNSIGNED_PAYLOAD, sha256Hex } from '../signature/sigv4.js';
import { FileChanged } from './file-changed.js';
import { readRange } from './read-range.js';

/** What a request carries. */
export interface Body {
  readonly sizeBytes: number;
  /** What the signature says of the payload: its SHA-256 in hex, or UNSIGNED_PAYLOAD. */
  readonly hash: string;
  /** The bytes from the beginning, for each try. */
  readonly open: () => AsyncIterable<Uint8Array>;
  /** False for what can be read once. */
  readonly isRepeatable: boolean;
}

/** A stream and its exact length: needed, because S3 wants the length first. */
export interface StreamBody {
  readonly stream: Readable;
  readonly sizeBytes: number;
}

async function* justOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export const bodyOfBytes = (bytes: Uint8Array): Body => ({
  sizeBytes: bytes.length,
  hash: sha256Hex(bytes),
  open: () => justOne(bytes),
  isRepeatable: true,
});

/** Sent once and not hashed: nobody knows its content before it has gone. */
export const bodyOfStream = ({ stream, sizeBytes }: StreamBody): Body => ({
  sizeBytes,
  hash: UNSIGNED_PAYLOAD,
  open: () => stream,
  isRepeatable: false,
});

/**
 * A range of an open file, hashed in a pass of its own and never held in memory. A file that changes between hashing and sending is refused by
 * the storage, never stored half new.
 * @param whole takes the same bytes: of all ranges of one file, say
 * @throws FileChanged it is shorter by now
 */
export const bodyOfFile = async (file: FileHandle, from: number, sizeBytes: number, whole?: Hash): Promise<Body> => {
  const open = (): AsyncGenerator<Buffer> => readRange(file, from, sizeBytes);
  const hash = createHash('sha256');
  let left = sizeBytes;
  for await (const chunk of open()) {
    left -= chunk.length;
    hash.update(chunk);
    whole?.update(chunk);
  }
  if (left > 0) throw new FileChanged('the file shrank while it was read');
  return { sizeBytes, hash: hash.digest('hex'), open, isRepeatable: true };
};

/** The same body, telling of its bytes as they are read. */
export const counted = (body: Body, onBytes: ((bytes: number) => void) | undefined): Body =>
  onBytes
    ? {
        ...body,
        open: async function* () {
          for await (const chunk of body.open()) {
            onBytes(chunk.length);
            yield chunk;
          }
        },
      }
    : body;

/** The bytes of a body. One that is shorter than announced must break the request: the storage would wait for the rest. */
export async function* exactly({ sizeBytes, open }: Body): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  for await (const chunk of open()) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new FileChanged('the file shrank while it was sent');
}
