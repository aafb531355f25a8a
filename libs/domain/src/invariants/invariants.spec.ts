import { describe, expect, it } from '@jest/globals';
import { rangesOf } from '../shared/ranges.js';
import { dispatched, aLease, submitted } from '../specs/facts.fixture.js';
import { taskDecider } from '../task/task.decider.js';
import { billFaults, isTorn, overfilled, repeated, sharedMoments } from './invariants.js';

const stay = (instance: string, from: number, until: number) => ({ instance, from, until });
const room = (node: string, cores: number, memoryMB = 1) => ({ node, cores, memoryMB });
const line = (attempt: number, outcome = 'failure') => ({ attempt, outcome });

describe('invariants are broken by', () => {
  it('an instance at two places at one time, also within one that goes on', () => {
    const [long, short, last] = [stay('a', 0, 10), stay('a', 1, 2), stay('a', 9, 12)];
    expect(sharedMoments([last, short, long])).toEqual([
      [long, short],
      [long, last],
    ]);
    expect(sharedMoments([stay('a', 0, 5), stay('a', 5, Infinity), stay('b', 0, 9)])).toEqual([]);
    expect(sharedMoments([stay('a', 0, 5), stay('a', 4.9, 6)], 0.2)).toEqual([]);
  });

  it('a node that is filled beyond its cores or memory, or is not there', () => {
    expect(overfilled([room('a', 2, 9), room('b', 4, 9)], [room('a', 1), room('a', 1), room('b', 4, 9)])).toEqual([]);
    expect(overfilled([room('a', 2, 9)], [room('a', 2), room('a', 1)])).toEqual([room('a', 3, 2)]);
    expect(overfilled([room('a', 2, 1)], [room('a', 1), room('a', 1)])).toEqual([room('a', 2, 2)]);
    expect(overfilled([], [room('a', 1)])).toEqual([room('a', 1)]);
  });

  it('what comes twice', () => expect(repeated(['a', 'b', 'a', 'c', 'a'])).toEqual(['a', 'a']));

  it('an attempt in two lines or in none, and a second success', () => {
    const kinds = (...[lines, known]: Parameters<typeof billFaults>) =>
      billFaults(lines, known).map(({ kind }) => kind);
    expect(kinds([line(1), line(2, 'success')], { least: 2, most: 2, isSuccess: true })).toEqual([]);
    expect(kinds([line(1), line(1)], { least: 1, isSuccess: false })).toEqual(['billed twice']);
    expect(kinds([line(2)], { least: 2, isSuccess: false })).toEqual(['not billed']);
    expect(kinds([line(1), line(3)], { least: 2, most: 2, isSuccess: false })).toEqual(['billed for nothing']);
    expect(kinds([line(1)], { least: 1, isSuccess: true })).toEqual(['not billed']);
    expect(kinds([line(1, 'success'), line(2, 'success')], { least: 2, isSuccess: true })).toEqual(['billed twice']);
  });

  it('an instance of a task in two of its sets or in none', () => {
    const events = [submitted('t', { instances: '0-3' }), dispatched(aLease(0))];
    const state = events.reduce(taskDecider.evolve, taskDecider.initial);
    expect(isTorn(state)).toBe(false);
    expect(isTorn({ ...state, failed: rangesOf(1) })).toBe(true);
    expect(isTorn({ ...state, inFlight: new Map() })).toBe(true);
    expect(isTorn({ ...state, waiting: rangesOf(9) })).toBe(true);
  });
});
