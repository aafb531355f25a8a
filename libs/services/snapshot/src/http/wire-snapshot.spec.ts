import { describe, expect, it } from '@jest/globals';
import { readPeriodic, readTrigger } from './wire-snapshot.js';
import { snapshotIdOf } from '../commands/snapshot-of-task.js';

describe('the body of a snapshot request', () => {
  it.each([[undefined], [null], [{}], [{ whitelist: null, bucket: null, unknown: 1 }]])(
    'may leave everything open: %j',
    (body) => {
      expect(readTrigger(body)).toEqual({});
    },
  );
  it('is read in any case, constants in filters included', () => {
    expect(readTrigger({ Whitelist: '^${NAME}\\.txt$', BUCKETPREFIX: 'p/' })).toEqual({
      whitelist: '^${NAME}\\.txt$',
      bucketPrefix: 'p/',
    });
  });
  it.each([[{ whitelist: '(' }], [{ blacklist: 'a'.repeat(2_048) }], [{ bucket: 3 }], [[1]], ['text']])(
    'is refused when it does not fit',
    (body) => {
      expect(() => readTrigger(body)).toThrow();
    },
  );
  it.each([[{ interval: -1 }], [{}], [{ interval: 'soon' }], [{ interval: 1.5 }]])(
    'of a periodic one needs an interval: %j',
    (body) => {
      expect(() => readPeriodic(body)).toThrow();
    },
  );
});

it('names a snapshot after its task and its moment', () => {
  expect(snapshotIdOf('task-1', Date.UTC(2026, 0, 2, 3, 4, 5), 'xyz-abcd')).toBe('snap_task-1_20260102030405_abcd');
});
