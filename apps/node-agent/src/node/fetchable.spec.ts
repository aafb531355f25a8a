import { describe, expect, it } from '@jest/globals';

import { allOf, type Fetchable } from './fetchable.js';

describe('what a node can fetch again', () => {
  const storeOf = (bytes: number, piece: number): Fetchable => ({
    get bytes() {
      return bytes;
    },
    free: (amount) => {
      for (let gone = 0; gone < amount && bytes > 0; gone += piece) bytes -= Math.min(bytes, piece);
      return Promise.resolve();
    },
  });

  it('goes from the first, and from the next as far as that was not enough', async () => {
    const [inputs, images] = [storeOf(100, 1), storeOf(100, 40)];
    const all = allOf([inputs, undefined, images]);
    expect(all.bytes).toBe(200);
    await all.free(60);
    expect([inputs.bytes, images.bytes]).toEqual([40, 100]);
    await all.free(50);
    expect([inputs.bytes, images.bytes]).toEqual([0, 60]);
    await all.free(1_000);
    expect(all.bytes).toBe(0);
    await all.free(1);
  });

  it('is nothing where a node keeps nothing', async () => {
    await allOf([undefined]).free(10);
    expect(allOf([undefined]).bytes).toBe(0);
  });
});
