import { describe, expect, it } from '@jest/globals';
import { ReadySandboxes } from './ready-sandboxes.js';

interface Made {
  readonly shape: string;
  readonly number: number;
  isUsable: boolean;
}

const poolOf = (depth: number) => {
  const made: Made[] = [];
  const gone: number[] = [];
  let fails = false;
  const pool = new ReadySandboxes<string, Made>({
    depth,
    keyOf: (shape) => (shape === 'special' ? undefined : shape),
    make: (shape) => {
      if (fails) return Promise.reject(new Error('no room'));
      const one = { shape, number: made.length, isUsable: true };
      made.push(one);
      return Promise.resolve(one);
    },
    isUsable: ({ isUsable }) => isUsable,
    discard: ({ number }) => {
      gone.push(number);
      return Promise.resolve();
    },
  });
  return { pool, made, gone, fail: (does: boolean) => (fails = does) };
};

describe('sandboxes that are ready', () => {
  it('are of the shape that was asked for last, and given out once', async () => {
    const { pool, made } = poolOf(2);
    expect(await pool.take('small')).toBeUndefined();
    pool.want('small');
    pool.want('small');
    expect(made).toHaveLength(2);
    const taken = await Promise.all([pool.take('small'), pool.take('small'), pool.take('small')]);
    expect(taken.map((one) => one?.number)).toEqual([0, 1, undefined]);
    pool.want('small');
    expect(await pool.take('large')).toBeUndefined();
    expect((await pool.take('small'))?.number).toBe(2);
  });

  it('are of the two shapes that were asked for last, and make way for another one, but for none that cannot be prepared', async () => {
    const { pool, made, gone } = poolOf(1);
    pool.want('small');
    pool.want('special');
    expect([made.length, await pool.take('special')]).toEqual([1, undefined]);
    pool.want('large');
    pool.want('small');
    pool.want('image');
    await pool.release((key) => key === 'nosuch');
    expect(made.map(({ shape }) => shape)).toEqual(['small', 'large', 'image']);
    // Small ones were asked for later than large ones.
    expect(gone).toEqual([1]);
    expect(await pool.release((key) => key === 'image')).toBe(true);
    expect(gone).toEqual([1, 2]);
    expect((await pool.take('small'))?.number).toBe(0);
    await pool.close();
  });

  it('that have ended meanwhile are given to nobody', async () => {
    const { pool, made, gone } = poolOf(2);
    pool.want('small');
    for (const one of made) one.isUsable = one.number === 1;
    expect((await pool.take('small'))?.number).toBe(1);
    await pool.close();
    expect(gone).toEqual([0]);
  });

  it('that could not be made are missed by nobody', async () => {
    const { pool, fail } = poolOf(1);
    fail(true);
    pool.want('small');
    expect(await pool.take('small')).toBeUndefined();
    fail(false);
    pool.want('small');
    expect((await pool.take('small'))?.number).toBe(0);
  });

  it('let go of what they hold for somebody who needs it, and are made anew afterwards', async () => {
    const { pool, gone } = poolOf(2);
    expect(await pool.release()).toBe(false);
    pool.want('small');
    expect([await pool.release(), gone.toSorted()]).toEqual([true, [0, 1]]);
    expect(await pool.take('small')).toBeUndefined();
    pool.want('small');
    expect((await pool.take('small'))?.number).toBe(2);
  });

  it('are all gone after the end, and no more are made', async () => {
    const { pool, made, gone } = poolOf(1);
    pool.want('small');
    await pool.close();
    pool.want('small');
    expect([made.length, gone]).toEqual([1, [0]]);
    expect(await pool.take('small')).toBeUndefined();
  });
});
