import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CacheIndex, fileNameOf } from './cache-index.js';

const BLOCK = 4_096;
/** Sizes are in blocks of a disk. */
const entry = (name: string, blocks: number, sha256 = name, expiresAt = 1_000) => ({
  name,
  sizeBytes: blocks * BLOCK,
  sha256,
  expiresAt,
  isExecutable: false,
});

describe('the index of the cache', () => {
  it('lets go of what was used least recently, until the rest fits', () => {
    const index = new CacheIndex(10 * BLOCK);
    expect([index.add(entry('a', 4)), index.add(entry('b', 4))]).toEqual([[], []]);
    expect(index.use('a', 0, 0)).toMatchObject({ sha256: 'a' });
    expect(index.add(entry('c', 4))).toEqual(['b']);
    expect(index.use('b', 0, 0)).toBeUndefined();
    expect(index.bytes).toBe(8 * BLOCK);
  });

  it('counts one content once, and keeps it as long as it has a name', () => {
    const index = new CacheIndex(10 * BLOCK);
    index.add(entry('a', 6, 'same'));
    expect(index.add(entry('b', 6, 'same'))).toEqual([]);
    expect(index.bytes).toBe(6 * BLOCK);
    expect([index.forget('a'), index.forget('b')]).toEqual([undefined, 'same']);
    expect(index.bytes).toBe(0);
  });

  it('keeps no name beyond its time, which each use makes longer', () => {
    const index = new CacheIndex(10 * BLOCK);
    index.add(entry('a', 1, 'a', 100));
    index.add(entry('b', 1, 'b', 100));
    expect(index.use('a', 50, 200)).toBeDefined();
    expect(index.use('b', 100, 200)).toBeUndefined();
    expect(index.expire(100)).toEqual(['b']);
    expect(index.expire(249)).toEqual([]);
    expect(index.expire(250)).toEqual(['a']);
  });

  it('gives room on request', () => {
    const index = new CacheIndex(100 * BLOCK);
    for (const name of ['a', 'b', 'c']) index.add(entry(name, 5));
    expect(index.free(6 * BLOCK)).toEqual(['a', 'b']);
    expect(index.free(0)).toEqual([]);
    expect(index.free(1_000 * BLOCK)).toEqual(['c']);
  });

  it('counts an empty file as what it takes on a disk', () => {
    const index = new CacheIndex(2 * BLOCK);
    for (const name of ['a', 'b']) expect(index.add(entry(name, 0))).toEqual([]);
    expect(index.add(entry('c', 0))).toEqual(['a']);
  });

  it('never holds more than its bound nor a file that it said was to go, whatever comes', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 5 }), fc.boolean(), fc.boolean()), { maxLength: 60 }),
        (steps) => {
          const index = new CacheIndex(10 * BLOCK);
          const files = new Set<string>();
          for (const [name, content, isExecutable, isUse] of steps) {
            if (isUse) index.use(String(name), 0, 1);
            else {
              const added = { ...entry(String(name), content, String(content)), isExecutable };
              files.add(fileNameOf(added));
              for (const gone of index.add(added)) files.delete(gone);
            }
            const held = new Map(index.entries().map((one) => [fileNameOf(one), one.sizeBytes]));
            expect([...held.keys()].sort()).toEqual([...files].sort());
            const sum = [...held.values()].reduce((total, size) => total + size, 0);
            expect(index.bytes).toBe(sum);
            expect(sum).toBeLessThanOrEqual(10 * BLOCK);
          }
        },
      ),
    ));
});
