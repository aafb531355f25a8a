import { describe, expect, it } from '@jest/globals';

interface FailuresSeen {
  readonly failuresSeen: () => {
    readonly add: (chunk: Buffer) => void;
    readonly told: () => readonly string[];
    readonly files: () => readonly string[];
  };
}

const { failuresSeen } = (await import(
  new URL('../../../tools/failures-seen.mjs', import.meta.url).href
)) as FailuresSeen;

const OUTPUT = `PASS unit a.spec.ts
  ● Console

    console.log
      a word
FAIL unit b.spec.ts
  ● thing › holds

    expect(received).toBe(expected)

FAIL unit c.spec.ts (3 s)
  \u001B[1m● Test suite failed to run\u001B[22m

    Cannot find module
PASS unit d.spec.ts
a line of a program
Test Suites: 2 failed
`;

describe('what failed', () => {
  it.each([1, 7, 10_000])('is told again at the end with its file, when it comes in chunks of %i', (size) => {
    const seen = failuresSeen();
    const output = Buffer.from(OUTPUT);
    for (let at = 0; at < output.length; at += size) seen.add(output.subarray(at, at + size));
    expect(seen.told()).toEqual([
      'FAIL unit b.spec.ts\n  ● thing › holds\n    expect(received).toBe(expected)',
      'FAIL unit c.spec.ts (3 s)\n  ● Test suite failed to run\n    Cannot find module',
    ]);
    expect(seen.files()).toEqual(['b.spec.ts', 'c.spec.ts']);
  });

  it('is one file where the summary of a long run tells it again, without its project', () => {
    const seen = failuresSeen();
    const summary = OUTPUT.replaceAll('FAIL unit ', 'FAIL ');
    seen.add(Buffer.from(`${OUTPUT}Summary of all failing tests\n${summary}`));
    expect(seen.files()).toEqual(['b.spec.ts', 'c.spec.ts']);
    expect(seen.told()).toHaveLength(2);
  });

  it('is told once where Jest tells it twice, and bounded', () => {
    const seen = failuresSeen();
    const failure = (at: number) => `FAIL unit x.spec.ts\n  ● test ${at}\n${'    a line\n'.repeat(40)}`;
    for (let at = 0; at < 30; at += 1) seen.add(Buffer.from(failure(at).repeat(2)));
    expect(seen.told()).toHaveLength(20);
    expect(seen.told().map((text) => text.split('\n').length)).toEqual(Array.from({ length: 20 }, () => 16));
  });
});
