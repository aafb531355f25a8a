import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { findProgress, progressOfMatch, ProgressReader } from './progress-reader.js';

const silent = (): void => undefined;
/** A busy machine must not stop an honest pattern here. */
const PATIENT_MS = 30_000;
const reading = (patterns: readonly string[], ...output: readonly string[]): ProgressReader => {
  const reader = new ProgressReader(patterns, silent, PATIENT_MS);
  for (const text of output) reader.take(Buffer.from(text));
  return reader;
};

describe('the progress of an instance', () => {
  it.each([
    [['(\\d+)%'], 'at 10%\nat 42%\nnothing here\n', 42],
    [['\\d+(?=%)'], '3% 7%', 7],
    [['step (\\d+) of (\\d+)'], 'step 1 of 8\nstep 2 of 8\n', 25],
    [['frame (\\d+)/(\\d+)', '(\\d+)%'], '10%\rframe 9/10', 90],
    [['(\\d+,\\d)%'], '12,5%', 12.5],
    [['(\\d+)%'], '250%', 100],
    [['done'], 'done', undefined],
    [['(\\d+)%'], 'none', undefined],
  ])('%j in %j is %p', (patterns, text, expected) => expect(findProgress(patterns, text, PATIENT_MS)).toBe(expected));

  it('stays what it was until newer output tells it', () => {
    const reader = reading(['(\\d+)%'], '10%\n');
    expect(reader.read()).toBe(10);
    reader.take(Buffer.from('words\n'.repeat(50_000)));
    expect(reader.read()).toBe(10);
    reader.take(Buffer.from('3'));
    reader.take(Buffer.from('0%'));
    expect(reader.read()).toBe(30);
  });

  it('is given up when a pattern takes too long three times in a row, and nothing else stalls', () => {
    let complaints = 0;
    const reader = new ProgressReader(['(a+)+$'], () => (complaints += 1));
    reader.take(Buffer.from(`${'a'.repeat(60)}!`));
    const begin = performance.now();
    expect([reader.read(), complaints]).toEqual([0, 0]);
    expect([reader.read(), complaints]).toEqual([0, 0]);
    expect([reader.read(), complaints]).toEqual([0, 1]);
    reader.take(Buffer.from('a'));
    expect(reader.read()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(complaints).toBe(1);
  });

  it('is given up when a pattern is none', () => {
    let complaints = 0;
    const reader = new ProgressReader(['('], () => (complaints += 1));
    reader.take(Buffer.from('x'));
    expect(reader.read()).toBe(0);
    expect(complaints).toBe(1);
  });

  it('takes a pattern as a pattern, whatever it looks like', () => {
    expect(findProgress([`"]'; globalThis.leak = 1; '`], 'text', PATIENT_MS)).toBeUndefined();
    expect(globalThis).not.toHaveProperty('leak');
  });

  it('is a percentage of any match', () =>
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.double().map(String), fc.constant(null)), { maxLength: 3 }),
        (match) => {
          const progress = progressOfMatch(match);
          if (progress !== undefined) expect(progress >= 0 && progress <= 100).toBe(true);
        },
      ),
    ));

  it('is found however the output is cut into chunks', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1 }), fc.nat(20), (steps, at) => {
        const text = steps.map((step) => `step ${step}%\n`).join('');
        expect(reading(['(\\d+)%'], text.slice(0, at), text.slice(at)).read()).toBe(steps.at(-1));
      }),
    ));
});
