import { describe, expect, it } from '@jest/globals';
import { MessageBudget } from './message-budget.js';

const SIZE = 100_000;

describe('MessageBudget', () => {
  let now = 0;
  const budget = (): MessageBudget => new MessageBudget({ sizeBytes: SIZE }, () => now);
  const taken = (of: MessageBudget, sender: string, sizeBytes: number, tries: number): number =>
    Array.from({ length: tries }, () => of.take(sender, sizeBytes)).filter(Boolean).length;

  it('reads a few of the largest messages at once, then one a second, of each sender for itself', () => {
    const all = budget();
    expect(taken(all, 'a', SIZE - 512, 100)).toBe(4);
    expect(taken(all, 'b', SIZE - 512, 100)).toBe(4);
    now += 1_000;
    expect(taken(all, 'a', SIZE - 512, 100)).toBe(1);
    now += 3_600_000;
    expect(taken(all, 'a', SIZE - 512, 100)).toBe(4);
  });

  it('bounds the number of tiny messages', () => {
    const all = budget();
    const most = (4 * SIZE) / 512;
    expect(taken(all, 'a', 0, 10_000)).toBe(Math.floor(most));
  });

  it('goes on reading small messages of a sender whose large one was left out', () => {
    const all = budget();
    expect(taken(all, 'a', SIZE - 600, 100)).toBe(4);
    expect(all.take('a', SIZE)).toBe(false);
    expect(all.take('a', 20)).toBe(false);
    now += 1_000;
    expect(all.take('a', 100)).toBe(true);
  });

  it('leaves one that is larger than any may be to whoever refuses it by its size', () => {
    const all = budget();
    expect(taken(all, 'a', SIZE + 1, 100)).toBe(100);
    expect(taken(all, 'a', SIZE - 512, 100)).toBe(4);
  });
});
