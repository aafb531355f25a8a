import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { afterPrefix, compareKeys, rolledUp, splitPlace } from './keys.js';
import { listPage } from './listing.js';
import { piecesOf } from '../local/object-files.js';
import type { ObjectInfo } from './object-store.js';

const key = () => fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed());
const pathLike = () =>
  fc
    .array(fc.constantFrom('a', 'b', '/', '0', '\u{10ffff}', 'é'), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join(''));
const objectAt = (at: string): ObjectInfo => ({
  key: at,
  sizeBytes: 0,
  etag: '',
  contentType: '',
  userMetadata: {},
  modifiedAt: new Date(0),
});

describe('keys', () => {
  it('have as upper bound of a prefix a text above all that begin with it, and below all others that are greater', () => {
    fc.assert(
      fc.property(key(), key(), (prefix, other) => {
        const bound = afterPrefix(prefix);
        const isBelowBound = bound === undefined || compareKeys(other, bound) < 0;
        expect(compareKeys(other, prefix) >= 0 && isBelowBound).toBe(other.startsWith(prefix));
      }),
    );
    fc.assert(
      fc.property(key(), key(), (prefix, rest) => {
        const bound = afterPrefix(prefix);
        if (bound !== undefined) expect(compareKeys(`${prefix}${rest}`, bound)).toBeLessThan(0);
      }),
    );
  });

  it('split at the first slash', () => {
    expect(splitPlace('bucket/a/b')).toEqual({ bucket: 'bucket', key: 'a/b' });
    expect([splitPlace('/a'), splitPlace('bucket'), splitPlace('bucket/'), splitPlace('')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a listing', () => {
  it('shows by pages of any size what a whole listing shows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(pathLike(), { maxLength: 30 }),
        fc.constantFrom('', '/', 'a', 'a/'),
        fc.constantFrom('', '/', 'b'),
        fc.integer({ min: 1, max: 7 }),
        async (keys, prefix, delimiter, limit) => {
          const sorted = [...keys].sort(compareKeys);
          const expected = [
            ...new Set(sorted.filter((at) => at.startsWith(prefix)).map((at) => rolledUp(at, prefix, delimiter) ?? at)),
          ];
          const seen: string[] = [];
          let after: string | undefined;
          do {
            const page: Awaited<ReturnType<typeof listPage>> = await listPage(
              async ({ from, isExclusive, to, limit: most }) =>
                sorted
                  .filter(
                    (at) =>
                      compareKeys(at, from) >= (isExclusive ? 1 : 0) && (to === undefined || compareKeys(at, to) < 0),
                  )
                  .slice(0, most)
                  .map(objectAt),
              { prefix, delimiter, limit, ...(after === undefined ? {} : { after }) },
            );
            const shown = [...page.objects.map((object) => object.key), ...page.prefixes].sort(compareKeys);
            expect(shown.length).toBeLessThanOrEqual(limit);
            seen.push(...shown);
            after = page.next;
          } while (after !== undefined);
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('pieces of a range', () => {
  it('hold its bytes in order, whatever the sizes of the files', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }),
        fc.nat(60),
        fc.nat(60),
        (sizes, a, b) => {
          const total = sizes.reduce((sum, size) => sum + size, 0);
          const bytes = sizes.flatMap((size, file) => Array.from({ length: size }, (_, at) => `${file}:${at}`));
          const range = { start: Math.min(a, b), end: Math.min(Math.max(a, b), total - 1) };
          const found = piecesOf(
            sizes.map((sizeBytes, file) => ({ fileId: String(file), sizeBytes })),
            range,
          ).flatMap(({ fileId, range: { start, end } }) =>
            Array.from({ length: end - start + 1 }, (_, at) => `${fileId}:${start + at}`),
          );
          expect(found).toEqual(bytes.slice(range.start, range.end + 1));
        },
      ),
    );
  });
});
