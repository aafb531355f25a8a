import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ContentHash } from './content-hash.js';
import { PORTION_BYTES, inPortions, isShared, releasePortion } from './shared-portions.js';

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
/** Bytes of a length, each other than its neighbors. */
const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251));
const md5 = (...chunks: readonly Uint8Array[]): string => createHash('md5').update(Buffer.concat(chunks)).digest('hex');

const hashed = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const hash = new ContentHash('md5');
  for await (const chunk of bytes) {
    await hash.update(chunk);
    releasePortion(chunk);
  }
  return (await hash.digest()).toString('hex');
};

describe('the digest of content', () => {
  it('is that of its bytes, however they come and wherever they are hashed', async () => {
    const length = fc.integer({ min: 0, max: 2 * PORTION_BYTES });
    await fc.assert(
      fc.asyncProperty(fc.array(length, { maxLength: 6 }), async (lengths) => {
        const chunks = lengths.map(bytesOf);
        const expected = md5(...chunks);
        expect(await hashed(chunksOf(...chunks))).toBe(expected);
        expect(await hashed(inPortions(chunksOf(...chunks)))).toBe(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('is right when many are under way at once, and some are abandoned', async () => {
    const contents = Array.from({ length: 12 }, (_, at) => bytesOf(3 * PORTION_BYTES + at));
    const expected = contents.map((content) => md5(content));
    const found = await Promise.all(
      contents.map(async (content, at) => {
        if (at % 3 !== 0) return hashed(inPortions(chunksOf(content)));
        const hash = new ContentHash('md5');
        for await (const chunk of inPortions(chunksOf(content))) await hash.update(chunk);
        hash.abandon();
        return expected[at];
      }),
    );
    expect(found).toEqual(expected);
  });
});

describe('portions', () => {
  it('hold the bytes in their order where other threads can read them, and take the chunks over', async () => {
    const chunk = new Uint8Array(bytesOf(PORTION_BYTES + 1));
    const expected = Buffer.from(chunk);
    const portions = await Array.fromAsync(inPortions(chunksOf(chunk, bytesOf(5))));
    expect(portions.map(({ byteLength }) => byteLength)).toEqual([PORTION_BYTES, 6]);
    expect(portions.every(isShared)).toBe(true);
    expect(Buffer.concat(portions).equals(Buffer.concat([expected, bytesOf(5)]))).toBe(true);
    expect(chunk.byteLength).toBe(0);
  });

  it('are not written over before their last reader has released them', async () => {
    const [kept] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('kept'))));
    const [released] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('released'))));
    if (!kept || !released) throw new Error('no portions');
    releasePortion(released);
    const [next] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('next one'))));
    expect(next?.buffer).toBe(released.buffer);
    expect(Buffer.from(kept).toString()).toBe('kept');
  });
});
