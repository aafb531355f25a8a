import { describe, expect, it } from '@jest/globals';
import { wholeOf } from './held-back.js';

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe('a small source', () => {
  it('is all of its bytes', async () => expect((await wholeOf(chunksOf('ab', '', 'c'), 3)).toString()).toBe('abc'));
  it('may be empty', async () => expect(await wholeOf(chunksOf(), 0)).toHaveLength(0));
  it.each([
    ['fewer', 4],
    ['more', 2],
  ])('is refused when %s bytes came than were announced', (_what, sizeBytes) =>
    expect(wholeOf(chunksOf('ab', 'c'), sizeBytes)).rejects.toMatchObject({ problem: 'IncompleteBody' }),
  );
  it('fails with what the source says after its last byte', () => {
    const wrong = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunksOf('abc');
      throw new Error('a wrong checksum');
    };
    return expect(wholeOf(wrong(), 3)).rejects.toThrow('a wrong checksum');
  });
});
