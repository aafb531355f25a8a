import { describe, expect, it } from '@jest/globals';
import { AskingBounds } from './asking-bounds.js';

describe('bounds on how often nodes ask for secrets', () => {
  const admitted = (bounds: AskingBounds, node: string, leases: readonly string[]): number =>
    leases.filter((leaseId) => {
      try {
        bounds.admit(node, leaseId);
        return true;
      } catch {
        return false;
      }
    }).length;
  const times = (count: number, leaseId: string) => Array.from({ length: count }, () => leaseId);

  it('hold a lease to 300 at once and ten a second, and leave the others alone', () => {
    let now = 0;
    const bounds = new AskingBounds(() => now);
    expect(admitted(bounds, 'n', times(1_000, 'a'))).toBe(300);
    expect(admitted(bounds, 'n', times(10, 'b'))).toBe(10);
    expect(admitted(bounds, 'another', times(10, 'a'))).toBe(10);
    now = 2_000;
    expect(admitted(bounds, 'n', times(1_000, 'a'))).toBe(20);
    now = 1e9;
    expect(admitted(bounds, 'n', times(1_000, 'a'))).toBe(300);
  });

  it('hold a node to five hundred leases that are not its own, whichever it names', () => {
    let now = 0;
    const bounds = new AskingBounds(() => now);
    const guesses = Array.from({ length: 1_000 }, (_, n) => `guess ${n}`);
    const guess = () => admitted(bounds, 'n', guesses);
    expect(guess()).toBe(500);
    expect(admitted(bounds, 'another', ['its own'])).toBe(1);
    now = 1_000;
    expect(guess()).toBe(10);
    bounds.wasOwn('n');
    expect(guess()).toBe(1);
  });
});
