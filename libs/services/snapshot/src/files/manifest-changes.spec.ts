import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { changesBetween, type FilesOfInstance } from './manifest-changes.js';

const file = (path: string, content: string, mode = 0o644) => ({ path, size: content.length, mode, sha256: content });
const part = (
  instance: number,
  files: FilesOfInstance['files'],
  links: FilesOfInstance['links'] = [],
): FilesOfInstance => ({ instance, files, links });

describe('changes between two snapshots', () => {
  it('are what was added, changed and removed, with sizes, by instance and path', () =>
    expect(
      changesBetween(
        [part(1, [file('same', 'x'), file('gone', 'abc'), file('grown', 'a'), file('run', 'x', 0o644)]), part(0, [])],
        [part(0, [file('new', '')]), part(1, [file('same', 'x'), file('grown', 'ab'), file('run', 'x', 0o755)])],
      ),
    ).toEqual([
      { instance: 0, path: 'new', change: 'added', before: null, after: 0 },
      { instance: 1, path: 'gone', change: 'removed', before: 3, after: null },
      { instance: 1, path: 'grown', change: 'changed', before: 1, after: 2 },
      { instance: 1, path: 'run', change: 'mode', before: 1, after: 1 },
    ]));

  it('are all files of an instance that only one of them has', () =>
    expect(changesBetween([part(0, [file('a', '1')])], [part(3, [file('a', '1')])])).toMatchObject([
      { instance: 0, change: 'removed' },
      { instance: 3, change: 'added' },
    ]));

  it('are a link that leads elsewhere, or became a file', () =>
    expect(
      changesBetween(
        [
          part(
            0,
            [],
            [
              { path: 'l', target: 'a' },
              { path: 'm', target: 'a' },
            ],
          ),
        ],
        [part(0, [file('m', 'bytes')], [{ path: 'l', target: 'b' }])],
      ),
    ).toMatchObject([
      { path: 'l', change: 'changed' },
      { path: 'm', change: 'changed', before: 0, after: 5 },
    ]));

  it('are none with itself, and the other way round the opposite', () => {
    const files = fc.uniqueArray(
      fc.record({ path: fc.constantFrom('a', 'b', 'c', 'd'), content: fc.string({ maxLength: 2 }) }),
      {
        selector: ({ path }) => path,
      },
    );
    const parts = fc.uniqueArray(fc.tuple(fc.nat(3), files), { selector: ([instance]) => instance }).map((all) =>
      all.map(([instance, some]) =>
        part(
          instance,
          some.map(({ path, content }) => file(path, content)),
        ),
      ),
    );
    const opposite = { added: 'removed', removed: 'added', changed: 'changed', mode: 'mode' } as const;
    fc.assert(
      fc.property(parts, parts, (before, after) => {
        expect(changesBetween(before, before)).toEqual([]);
        expect(changesBetween(after, before)).toEqual(
          changesBetween(before, after).map(({ change, before: was, after: is, ...where }) => ({
            ...where,
            change: opposite[change],
            before: is,
            after: was,
          })),
        );
      }),
    );
  });
});
