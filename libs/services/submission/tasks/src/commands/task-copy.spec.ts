import { describe, expect, it } from '@jest/globals';
import { formatRanges, parseRanges, taskDecider, type TaskEvent, type TaskState } from '@fornax/domain';
import { aLease, anEnd, aTaskSpec, concluded, dispatched, submitted } from '@fornax/testing';
import fc from 'fast-check';
import { copyOf, creationOf } from './task-copy.js';

type End = 'success' | 'failure' | 'cancelled';
const ends = fc.array(fc.constantFrom<End>('success', 'failure', 'cancelled'), { minLength: 1, maxLength: 40 });

/** A task whose instances ended so, in the order of their numbers, which begin at `first`. */
const ended = (outcomes: readonly End[], first: number): TaskState => {
  const instances = outcomes.map((_, index) => first + index);
  const events: readonly TaskEvent[] = [
    submitted('t', { instances: `${first}-${first + outcomes.length - 1}`, advancedRanges: 'as given' }),
    dispatched(...instances.map((instance) => aLease(instance))),
    concluded(...outcomes.map((outcome, index) => anEnd(first + index, { outcome }))),
  ];
  return events.reduce(taskDecider.evolve, taskDecider.initial);
};
const numbers = (text: string | undefined): readonly number[] =>
  (text ?? '').split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });

describe('the instances of a repetition', () => {
  it.each([
    ['retry', ['failure']],
    ['resume', ['cancelled']],
    ['recover', ['failure', 'cancelled']],
  ] as const)('%s are exactly those that ended in %s, as canonical ranges', (kind, repeated) => {
    fc.assert(
      fc.property(ends, fc.nat(50), (outcomes, first) => {
        const wanted = outcomes.flatMap((outcome, index) =>
          repeated.some((one) => one === outcome) ? [first + index] : [],
        );
        const state = ended(outcomes, first);
        if (wanted.length === 0) {
          expect(() => copyOf(state, kind, {})).toThrow('instances to');
          return;
        }
        const { advancedRanges, instanceCount } = copyOf(state, kind, {});
        expect([numbers(advancedRanges), instanceCount]).toEqual([wanted, undefined]);
        const parsed = parseRanges(advancedRanges ?? '');
        expect('ranges' in parsed && formatRanges(parsed.ranges)).toBe(advancedRanges);
      }),
    );
  });

  it('are those of the origin in a clone', () => {
    expect(copyOf(ended(['failure', 'success'], 3), 'clone', {})).toMatchObject({ advancedRanges: 'as given' });
  });
});

describe('a copy', () => {
  it('stays in the pool of its origin, and says nothing that the pool says', () => {
    const asked = aTaskSpec({ projectUuid: 'p', hardwareConstraints: [{ discriminator: 'SSDHardwareConstraint' }] });
    const copies = (poolUuid?: string) => {
      const spec = poolUuid === undefined ? asked : { ...asked, poolUuid };
      return copyOf(taskDecider.evolve(taskDecider.initial, submitted('t', spec)), 'clone', {});
    };
    expect(copies('warm').poolUuid).toBe('warm');
    const said = ['profile', 'projectUuid', 'hardwareConstraints', 'schedulingType'];
    expect(Object.keys(copies('warm'))).not.toEqual(expect.arrayContaining([expect.stringMatching(said.join('|'))]));
    expect(Object.keys(copies())).toEqual(expect.arrayContaining(said));
  });

  it('shows no secret, and says nothing that the origin left open', () => {
    const constants = [{ key: 'QARNOT_SECRET_A', sealed: 'c2VhbGVk' }];
    const state = taskDecider.evolve(taskDecider.initial, submitted('t', { constants, wrappedKey: 'a2V5' }));
    const creation = creationOf(state);
    expect(creation.constants).toEqual([{ key: 'QARNOT_SECRET_A', value: '[SECRET]' }]);
    expect(JSON.stringify(creation)).not.toMatch(/c2VhbGVk|a2V5/);
    expect(Object.keys(creation)).not.toEqual(expect.arrayContaining(['resultBucket']));
  });

  it('takes the name of its origin unless it is given another, and never its shortname', () => {
    const state = taskDecider.evolve(
      taskDecider.initial,
      submitted('t', aTaskSpec({ name: 'first', shortname: 'mine' })),
    );
    expect(copyOf(state, 'clone', {})).toMatchObject({ name: 'first' });
    expect(copyOf(state, 'clone', {}).shortname).toBeUndefined();
    expect(copyOf(state, 'clone', { name: 'second', shortname: 'other' })).toMatchObject({
      name: 'second',
      shortname: 'other',
    });
  });
});
