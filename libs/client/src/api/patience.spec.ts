import { expect, it } from '@jest/globals';
import { ApiError } from './api-error.js';
import { isPassing } from './patience.js';
import { Unreachable } from './whole-answer.js';

const answered = (status: number) => new ApiError(status, 'no', undefined);

it('waits out who is away or has no time for as long as it takes, what is broken for some minutes, and no other no', () => {
  const passing = [new Unreachable('nobody'), ...[429, 502, 503, 504].map(answered)];
  expect(passing.filter((error) => !isPassing(error, 1_000_000))).toEqual([]);
  expect([1, 99, 100].map((tries) => isPassing(answered(500), tries))).toEqual([true, true, false]);
  const final = [...[400, 401, 403, 404, 409, 410].map(answered), new Error('a fault of ours')];
  expect(final.filter((error) => isPassing(error, 1))).toEqual([]);
});
