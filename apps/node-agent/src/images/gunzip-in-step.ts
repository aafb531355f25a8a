import { closeSync, openSync, readSync } from 'node:fs';
import { types } from 'node:util';
import { constants, createGunzip } from 'node:zlib';

/** What a stream of Node's own works with; not part of what Node documents, so it is looked at before it is used. */
interface Inner {
  readonly handle: {
    onerror: (message: string, errno: number, code: string) => void;
    writeSync(
      ...of: [flush: number, from: Buffer, at: number, count: number, to: Buffer, toAt: number, room: number]
    ): void;
  };
  /** Room that is left, and bytes that were not taken. */
  readonly state: Uint32Array;
}

/** @returns undefined: this Node has it in another form */
const innerOf = (stream: object): Inner | undefined => {
  const { _handle: handle, _writeState: state } = stream as {
    readonly _handle?: Partial<Inner['handle']>;
    readonly _writeState?: unknown;
  };
  if (typeof handle?.writeSync !== 'function' || typeof handle.onerror !== 'function') return undefined;
  return types.isUint32Array(state) && state.length >= 2 ? { handle: handle as Inner['handle'], state } : undefined;
};

const PACKED_BYTES = 131_072;
const PIECE_BYTES = 262_144;

/**
 * Undoes gzip as `createGunzip` of Node does, in this thread and into one piece of memory that is used again and again: a stream takes new memory for each piece, and two turns through the thread pool,
 * which is half as much again as the undoing itself. For a thread in which nobody waits for anything else.
 * @returns undefined: this Node cannot; else pieces, each of which is gone when the next one is asked for
 * @throws what `createGunzip` would say; what the disk says
 */
export const gunzipInStep = (file: string): Generator<Buffer, void, undefined> | undefined => {
  const stream = createGunzip();
  const inner = innerOf(stream);
  if (inner) return piecesOf(file, inner, () => stream.destroy());
  stream.destroy();
  return undefined;
};

function* piecesOf(file: string, { handle, state }: Inner, end: () => void): Generator<Buffer, void, undefined> {
  const packed = Buffer.allocUnsafeSlow(PACKED_BYTES);
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let failure: Error | undefined;
  handle.onerror = (message, errno, code) => (failure = Object.assign(new Error(message), { errno, code }));
  const source = openSync(file, 'r');
  try {
    for (let count = -1; count !== 0;) {
      count = readSync(source, packed);
      const flush = count === 0 ? constants.Z_FINISH : constants.Z_NO_FLUSH;
      for (let left = count, room = 0; room === 0;) {
        handle.writeSync(flush, packed, count - left, left, piece, 0, PIECE_BYTES);
        if (failure) throw failure;
        [room = 0, left = 0] = state;
        if (room < PIECE_BYTES) yield piece.subarray(0, PIECE_BYTES - room);
        // It takes no more: what stands behind the end begins with a zero.
        if (room > 0 && left > 0) return;
      }
    }
  } finally {
    closeSync(source);
    end();
  }
}
