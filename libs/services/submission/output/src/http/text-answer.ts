import { Readable } from 'node:stream';

export const PLAIN = 'text/plain; charset=utf-8';
/** For the OpenAPI document. */
export const TEXT = {
  description: 'The text, raw',
  content: {
    'text/plain': { schema: { type: 'string' as const } },
    // For a request with a JSON content type, no body and no Accept (contract, 5.10).
    'application/json': { schema: { type: 'string' as const } },
  },
};

/** What is not more than this is answered in one piece, with its length. */
const WHOLE_BYTES = 256 * 1024;

/**
 * The pieces as an answer: small ones at once; larger ones as a stream that is read as fast as the client takes it. What fails before the first bytes
 * are sent is an error like any other; later it breaks the answer off.
 */
export const answerOf = async (pieces: AsyncGenerator<Buffer, void, undefined>): Promise<Buffer | Readable> => {
  const first: Buffer[] = [];
  let size = 0;
  while (size <= WHOLE_BYTES) {
    const { done, value } = await pieces.next();
    if (done === true) return Buffer.concat(first);
    first.push(value);
    size += value.length;
  }
  return Readable.from(joined(first, pieces), { objectMode: false });
};

async function* joined(
  first: Buffer[],
  rest: AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  for (let piece = first.shift(); piece !== undefined; piece = first.shift()) yield piece;
  yield* rest;
}

/** All pieces at once: only for what is bounded. */
export const wholeOf = async (pieces: AsyncGenerator<Buffer, void, undefined>): Promise<Buffer> => {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
};

/** How text that may hold any bytes is kept for a repeated request. */
export const KEPT_TEXT = {
  keep: (body: unknown): unknown => (Buffer.isBuffer(body) ? body.toString('base64') : ''),
  restore: (kept: unknown): unknown => Buffer.from(typeof kept === 'string' ? kept : '', 'base64'),
};
