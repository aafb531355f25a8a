import type { ResultManifest } from '@fornax/client';
import { describe, expect, it } from '@jest/globals';
import { haveOwnFolders, wantedObjects } from './wanted.js';

const manifest = (
  folder: string,
  instance: number,
  ...files: readonly (readonly [string, string])[]
): ResultManifest => ({
  format: 1,
  taskId: 't',
  instance,
  attempt: 1,
  bucket: 'out',
  folder,
  isWhole: true,
  files: files.map(([path, sha256]) => ({ path, size: instance, mode: 0o644, sha256 })),
  leftOut: [],
});

describe('objects that hold results', () => {
  it('are each named once, below their folder, by path', () =>
    expect(wantedObjects([manifest('run/', 0, ['b', '1'], ['a', '2'])])).toMatchObject([
      { bucket: 'out', key: 'run/a', path: 'a' },
      { bucket: 'out', key: 'run/b', path: 'b' },
    ]));

  it('lie below the folders of their instances, where these have folders of their own', () =>
    expect(wantedObjects([manifest('run/0/', 0, ['a', '1']), manifest('run/1/', 1, ['a', '2'])])).toMatchObject([
      { key: 'run/0/a', path: 'run/0/a' },
      { key: 'run/1/a', path: 'run/1/a' },
    ]));

  it('lie there, too, when one instance is asked for alone', () => {
    const all = [manifest('run/0/', 0, ['a', '1']), manifest('run/1/', 1, ['a', '2'])];
    expect(haveOwnFolders(all)).toBe(true);
    expect(wantedObjects(all.slice(1), true)).toMatchObject([{ key: 'run/1/a', path: 'run/1/a' }]);
  });

  it('may hold what any of the instances wrote that share one', () =>
    expect(wantedObjects([manifest('', 0, ['a', '1']), manifest('', 1, ['a', '2'])])).toEqual([
      { bucket: 'out', key: 'a', path: 'a', size: 1, mode: 0o644, sums: new Set(['1', '2']) },
    ]));
});
