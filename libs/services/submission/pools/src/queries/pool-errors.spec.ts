import { describe, expect, it } from '@jest/globals';
import { poolDecider, type PoolEvent } from '@fornax/domain';
import { aFailure, aLease, aRef } from '@fornax/domain/specs';
import { errorsOf } from './pool-errors.js';

const at = 1;
const { spec } = poolDecider.initial;
const bucket = { bucket: 'data', prefix: '', stripPrefix: '' };
const created: PoolEvent = {
  type: 'PoolCreated',
  poolId: 'p',
  owner: 'ada',
  spec: { ...spec, resources: [bucket] },
  at,
};
const opened: PoolEvent = { type: 'PoolResized', opened: '0', closed: '', policyName: null, at };
const dispatched = (attempt = 1): PoolEvent => ({ type: 'SlotsDispatched', leases: [aLease(0, { attempt })], at });
const ready: PoolEvent = { type: 'SlotsReady', leases: [{ ...aRef(0), startedAt: at }], at };
const unprepared = (overrides: Parameters<typeof aFailure>[1], attempt = 1): PoolEvent => {
  const { startedAt: _never, ...end } = aFailure(0, { attempt, endedAt: at, ...overrides });
  return { type: 'SlotsEnded', attempts: [end], at };
};
const errorsAfter = (...events: readonly PoolEvent[]) =>
  errorsOf(events.reduce(poolDecider.evolve, poolDecider.initial));

describe('the errors of a pool that runs', () => {
  const exit = { code: 'FX-EXIT', message: 'The command exited with code 3', debug: '' };
  it.each([
    ['a preparation that fails by itself', { cause: 'user', error: exit } as const, { ...exit, debug: 'cause: user' }],
    [
      'a node that fails it',
      { cause: 'platform', error: { code: 'FX-NODE', message: 'no space', debug: 'more' } } as const,
      { code: 'FX-NODE', message: 'no space', debug: 'cause: platform\nmore' },
    ],
    ['a limit', { cause: 'limit', error: exit } as const, { ...exit, debug: 'cause: limit' }],
    [
      'nobody who says why',
      { cause: 'platform' } as const,
      { code: 'FX-POOL', message: 'the node could not prepare it', debug: 'cause: platform' },
    ],
  ])('say why its slots cannot be prepared while that is tried again: %s', (_, end, { message, ...error }) => {
    const events = [created, opened, dispatched(), unprepared(end)];
    expect(errorsAfter(...events)).toEqual([{ ...error, message: `A slot could not be prepared: ${message}` }]);
    const twice = [...events, opened, dispatched(2), unprepared(end, 2)];
    expect(errorsAfter(...twice)).toEqual([
      { ...error, message: `Slots could not be prepared 2 times in a row: ${message}` },
    ]);
    expect(errorsAfter(...events, opened, dispatched(2), ready)).toEqual([]);
  });

  it.each(['node-lost', 'preempted'] as const)('do not name a slot that ended for no fault of its own: %s', (cause) =>
    expect(errorsAfter(created, opened, dispatched(), unprepared({ cause }))).toEqual([]),
  );

  it('say why its slots do not have the newest resources, until they have or are no more', () => {
    const asked: PoolEvent = { type: 'PoolResourcesUpdateRequested', at };
    const error = { code: 'FX-INPUT', message: 'The bucket data does not exist any more', debug: '' };
    const failed: PoolEvent = {
      type: 'SlotsRefreshFailed',
      leases: [0, 1].map((instance) => ({ ...aRef(instance), update: 1, error, isFinal: instance === 1 })),
      at,
    };
    const events = [created, opened, dispatched(), ready, asked, failed];
    expect(errorsAfter(...events)).toEqual([
      { ...error, message: 'The newest resources could not be fetched: The bucket data does not exist any more' },
    ]);
    expect(errorsAfter(...events, asked)).toEqual([]);
  });
});
