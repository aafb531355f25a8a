import { describe, expect, it } from '@jest/globals';
import { typeComplaint } from './declared-types.js';

const seen = (body: unknown, path = '/tasks/x') =>
  typeComplaint({ method: 'GET', path, status: 200, contentType: 'application/json', text: JSON.stringify(body) });

describe('the walk over declared types', () => {
  it.each([
    ['a fraction where an integer is declared', { status: { x: [{ currentMemoryMB: 0.711 }] } }],
    ['an integer beyond 32 bits', { maxInstances: 2 ** 31 }],
    ['a negative count', { runningCoreCount: -1 }],
    ['a date with seven digits', { creationDate: '2026-01-01T00:00:00.1234567Z' }],
    ['a date with an offset', { endDate: '2026-01-01T00:00:00+00:00' }],
    ['a duration with a fraction', { wallTime: '00:00:01.5' }],
    ['a null that a client cannot read', { errors: null }],
    ['a number that nothing declares', { brandNew: 1 }],
  ])('complains about %s', (_, body) => {
    expect(seen(body)).toEqual(expect.stringContaining('$.'));
  });

  it('is content with what is declared, with users’ own keys and with our own routes', () => {
    expect(seen({ currentMemoryMB: 1, progress: 12.5, creationDate: '0001-01-01T00:00:00Z', status: null })).toBe(
      undefined,
    );
    expect(seen({ labels: { count: 'many' }, status: { executionTimeSec: 3 }, code: 'GHX' })).toBe(undefined);
    expect(seen({ completedInstances: [{ wallTimeSec: 1.25 }] })).toBe(undefined);
    expect(seen({ brandNew: 1 }, '/fornax/v1/nodes')).toBe(undefined);
  });
});
