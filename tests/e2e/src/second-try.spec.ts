import { describe, expect, it } from '@jest/globals';

interface Result {
  readonly suite: string;
  readonly code: number | null;
  readonly failedFiles: readonly string[];
  readonly leaked: boolean;
}
interface Try {
  readonly index: number;
  readonly file: string;
}
interface SecondTry {
  readonly MOST_UNSTEADY: number;
  readonly secondTries: (results: readonly Result[], isWhole: boolean) => readonly Try[];
  readonly afterSecondTries: (
    results: readonly Result[],
    tried: readonly (Try & { readonly code: number | null })[],
  ) => readonly { readonly suite: string; readonly unsteady: readonly string[]; readonly hasFailed: boolean }[];
}

const { MOST_UNSTEADY, secondTries, afterSecondTries } = (await import(
  new URL('../../../tools/second-try.mjs', import.meta.url).href
)) as SecondTry;

const ended = (code: number | null, ...failedFiles: string[]): Result => ({
  ...{ suite: 'int', code, failedFiles, leaked: false },
});

describe('files of a whole run that failed', () => {
  it('are tried again, each in its pass', () => {
    const results = [ended(0), ended(1, 'a', 'b'), ended(1, 'a')];
    expect(secondTries(results, true)).toEqual([
      { index: 1, file: 'a' },
      { index: 1, file: 'b' },
      { index: 2, file: 'a' },
    ]);
    expect(secondTries([{ ...ended(null, 'a'), leaked: true }], true)).toHaveLength(1);
  });

  it.each([
    ['something was named', [ended(1, 'a')], false],
    ['they are too many', [ended(1, ...'abcdef')], true],
    ['they are too many over all passes', [ended(1, ...'abc'), ended(1, ...'abc')], true],
    ['a pass was killed, so that others never ran', [ended(null, 'a')], true],
    ['a pass ended in an odd way', [ended(134, 'a')], true],
    ['another pass failed without a file', [ended(1, 'a'), ended(1)], true],
    ['nothing failed', [ended(0)], true],
  ])('are not tried again where %s', (_, results, isWhole) => {
    expect(MOST_UNSTEADY).toBe(5);
    expect(secondTries(results, isWhole)).toEqual([]);
  });

  it('leave the run red unless each of a pass holds when it is alone', () => {
    const results = [ended(0), ended(1, 'a', 'b'), ended(1, 'c'), ended(1)];
    const tried = [
      { index: 1, file: 'a', code: 0 },
      { index: 1, file: 'b', code: 1 },
      { index: 2, file: 'c', code: 0 },
    ];
    expect(afterSecondTries(results, tried).map(({ hasFailed, unsteady }) => [hasFailed, ...unsteady])).toEqual([
      [false],
      [true, 'a'],
      [false, 'c'],
      [true],
    ]);
    expect(afterSecondTries(results, []).map(({ hasFailed }) => hasFailed)).toEqual([false, true, true, true]);
  });
});
