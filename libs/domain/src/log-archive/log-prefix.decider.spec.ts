import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { logPrefixDecider } from './log-prefix.decider.js';

const { given } = specFor(logPrefixDecider);
const upTo = (number: number, to: number) => ({ to, number, hash: `hash-${number}`, lastAt: 1, at: 2 });
const left = (number: number, to: number) => ({ type: 'LogPrefixLeft', ...upTo(number, to) }) as const;
const leave = (number: number, to: number) => ({ type: 'LetPrefixLeave', ...upTo(number, to) }) as const;

describe('what has left the log', () => {
  it('is more each time', () => {
    given().when(leave(2, 10)).then(left(2, 10));
    given(left(2, 10)).when(leave(5, 30)).then(left(5, 30));
  });
  it('is said once', () => given(left(2, 10)).when(leave(2, 10)).thenNothing());
  it('does not come back', () => {
    given(left(5, 30)).when(leave(2, 10)).thenRejected('prefix-has-left');
    given(left(5, 30)).when(leave(6, 30)).thenRejected('prefix-has-left');
    given(left(5, 30)).when(leave(5, 40)).thenRejected('prefix-has-left');
  });
});
