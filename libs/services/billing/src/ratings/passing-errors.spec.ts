import { describe, expect, it } from '@jest/globals';
import { LogUnavailable } from '@fornax/event-store';
import { isPassing } from './passing-errors.js';

const withCode = (code: string): Error => Object.assign(new Error('failed'), { code });

describe('an error', () => {
  it.each([
    ['of a log that is away', new LogUnavailable('away')],
    ['of a database that was shut down', withCode('57P01')],
    ['of a disk that is full', withCode('53100')],
    ['of a connection that is refused', withCode('ECONNREFUSED')],
    ['of a pool whose connection ended', new Error('Connection terminated unexpectedly')],
    ['that another one caused', new Error('failed', { cause: withCode('40001') })],
  ])('%s passes', (_, error) => expect(isPassing(error)).toBe(true));

  it.each([
    ['of a division', withCode('22012')],
    ['of a program', new Error('There is no price list 4')],
    ['that is none', 'failed'],
  ])('%s does not', (_, error) => expect(isPassing(error)).toBe(false));
});
