import { expect, it } from '@jest/globals';
import { WrongAttempts } from './wrong-attempts.js';

it('bounds the refusals of a peer within a window, and forgets them after it', () => {
  const attempts = new WrongAttempts({ perPeer: 2, windowMs: 100, peers: 10 });
  attempts.note('a', 0);
  expect(attempts.isTooMany('a', 1)).toBe(false);
  attempts.note('a', 1);
  expect(attempts.isTooMany('a', 2)).toBe(true);
  expect(attempts.isTooMany('b', 2)).toBe(false);
  expect(attempts.isTooMany('a', 100)).toBe(false);
});

it('remembers no more peers than it may', () => {
  const attempts = new WrongAttempts({ perPeer: 1, windowMs: 100, peers: 2 });
  for (const peer of ['a', 'b', 'c']) attempts.note(peer, 0);
  expect(['a', 'b', 'c'].map((peer) => attempts.isTooMany(peer, 1))).toEqual([false, true, true]);
});
