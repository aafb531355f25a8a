import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { interrupts } from './interrupts.js';

let ended: number[] = [];
let told: string[] = [];
const typed = () => interrupts({ exit: (code) => void ended.push(code), tell: (line) => void told.push(line) });

beforeEach(() => {
  [ended, told] = [[], []];
  jest.useFakeTimers();
});
afterEach(() => void jest.useRealTimers());

it('asks to end first, says what else there is, and ends at the second Ctrl-C', () => {
  const { signal, interrupt } = typed();
  interrupt();
  expect({ isAborted: signal.aborted, ended, told }).toEqual({ isAborted: true, ended: [], told: [] });
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual([expect.stringContaining('Ctrl-C once more')]);
  interrupt();
  expect(ended).toEqual([130]);
});

it('says nothing while somebody is asked', async () => {
  const { interrupt, asking } = typed();
  interrupt();
  const answer = asking(() => new Promise((resolve) => setTimeout(resolve, 5_000, 'a')));
  jest.advanceTimersByTime(5_000);
  expect(await answer).toBe('a');
  expect(told).toEqual([]);
});
