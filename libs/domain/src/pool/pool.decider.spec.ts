import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aFailure, aLease, anEnd, aRef, AT as at } from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import { emptyRanges, fromNumbers, rangesOf, sizeOf, union } from '../shared/ranges.js';
import type { AttemptEnd, DispatchedLease, LeaseRef } from '../task/task.events.js';
import type { PoolCommand } from './pool.commands.js';
import { MAX_FAILED_PREPARATIONS, poolDecider } from './pool.decider.js';
import type { PoolEvent, PoolSpec } from './pool.events.js';
import { initialPoolState, isSynchronized, openSlotsOf, refreshFailuresOf, type PoolState } from './pool.state.js';
import { publicPoolStateOf } from './public-pool-state.js';
import { sizePool, type PoolDemand } from './size-pool.js';
import { restorePoolState, storePoolState } from './stored-pool-state.js';

const { given } = specFor(poolDecider);
const created = (spec: Partial<PoolSpec> = {}): PoolEvent => ({
  type: 'PoolCreated',
  poolId: 'pool-1',
  owner: 'ada',
  spec: { ...initialPoolState.spec, profile: 'docker-batch', request: { cores: 1, memoryMB: 100 }, ...spec },
  at,
});
const resized = (opened: string, closed = '', policyName: string | null = null): PoolEvent => ({
  type: 'PoolResized',
  opened,
  closed,
  policyName,
  at,
});
const dispatched = (...leases: readonly DispatchedLease[]): PoolEvent => ({ type: 'SlotsDispatched', leases, at });
const ready = (...leases: readonly LeaseRef[]): PoolEvent => ({
  type: 'SlotsReady',
  leases: leases.map((lease) => ({ ...lease, startedAt: at })),
  at,
});
const ended = (...attempts: readonly AttemptEnd[]): PoolEvent => ({ type: 'SlotsEnded', attempts, at });
const closing: PoolEvent = { type: 'PoolCloseRequested', at };
const deleting: PoolEvent = { type: 'PoolDeleteRequested', at };
const oneReady = [created({ size: { type: 'fixed', nodes: 1 } }), resized('0'), dispatched(aLease(0)), ready(aRef(0))];
const report = (end: AttemptEnd): PoolCommand => ({ type: 'RecordReports', reports: [{ kind: 'ended', end }], at });
const resize = (open: readonly number[], close: readonly number[]): PoolCommand => ({
  type: 'ResizePool',
  open: fromNumbers(open),
  close: fromNumbers(close),
  policyName: null,
  at,
});
const unprepared = (instance: number, attempt = 1): AttemptEnd => {
  const { startedAt: _never, ...end } = aFailure(instance, { attempt, endedAt: at });
  return { ...end, error: { code: 'FX-EXIT', message: 'exit code 3', debug: '' } };
};

const asksForResources: PoolEvent = { type: 'PoolResourcesUpdateRequested', at };
const refreshed = (instance: number, update: number): PoolEvent => ({
  type: 'SlotsRefreshed',
  leases: [{ ...aRef(instance), update }],
  at,
});
const reportsRefreshed = (instance: number, update: number, leaseId = aRef(instance).leaseId): PoolCommand => ({
  type: 'RecordReports',
  reports: [{ kind: 'refreshed', instance, leaseId, update }],
  at,
});
const twoWithResources = [
  created({ size: { type: 'fixed', nodes: 2 }, resources: [{ bucket: 'data', prefix: '', stripPrefix: '' }] }),
  resized('0-1'),
  dispatched(aLease(0), aLease(1)),
  ready(aRef(0), aRef(1)),
];
const stateAfter = (...events: readonly PoolEvent[]): PoolState =>
  events.reduce((state, event) => poolDecider.evolve(state, event), poolDecider.initial);

describe('the newest resources of a pool', () => {
  it('are in every slot once each has told so', () => {
    given(...twoWithResources, asksForResources)
      .when(reportsRefreshed(1, 1))
      .then(refreshed(1, 1));
    expect(isSynchronized(stateAfter(...twoWithResources))).toBe(true);
    expect(isSynchronized(stateAfter(...twoWithResources, asksForResources, refreshed(1, 1)))).toBe(false);
    expect(isSynchronized(stateAfter(...twoWithResources, asksForResources, refreshed(1, 1), refreshed(0, 1)))).toBe(
      true,
    );
  });

  it('are not those of an earlier request, nor what another lease has, nor told of twice', () => {
    given(...twoWithResources, asksForResources, asksForResources)
      .when(reportsRefreshed(0, 1))
      .thenNothing();
    given(...twoWithResources, asksForResources)
      .when(reportsRefreshed(0, 1, 'an earlier lease'))
      .thenNothing();
    given(...twoWithResources, asksForResources, refreshed(0, 1))
      .when(reportsRefreshed(0, 1))
      .thenNothing();
    const again = [...twoWithResources, asksForResources, refreshed(0, 1), refreshed(1, 1), asksForResources];
    expect(isSynchronized(stateAfter(...again))).toBe(false);
  });

  it('are waited for in no slot that ends or is to end, nor in one that was opened since', () => {
    const left = [...twoWithResources, asksForResources, refreshed(0, 1)];
    expect(isSynchronized(stateAfter(...left, resized('', '1')))).toBe(true);
    const gone = [...left, ended(anEnd(1))];
    expect(isSynchronized(stateAfter(...gone))).toBe(true);
    expect(isSynchronized(stateAfter(...gone, dispatched(aLease(1, { attempt: 2 }))))).toBe(true);
  });

  it('may be asked for before a slot is ready, and while there is none: what is opened later has them', () => {
    for (const events of [[created()], [created(), resized('0')], [created(), resized('0'), dispatched(aLease(0))]])
      given(...events)
        .when({ type: 'UpdatePoolResources', at })
        .then(asksForResources);
    for (const end of [closing, deleting])
      given(...oneReady, end)
        .when({ type: 'UpdatePoolResources', at })
        .thenRejected('pool-not-running');
    const preparing = [...twoWithResources.slice(0, 2), dispatched(aLease(0), aLease(1)), asksForResources];
    expect(isSynchronized(stateAfter(...preparing, ready(aRef(0), aRef(1))))).toBe(false);
  });

  it('that a slot cannot fetch are told once for each reason, and when it gives up', () => {
    const error = { code: 'FX-INPUT', message: 'The bucket data does not exist any more', debug: '' };
    const failure = (isFinal: boolean, message = error.message) => ({
      ...aRef(0),
      update: 1,
      error: { ...error, message },
      isFinal,
    });
    const reports = (...failures: readonly ReturnType<typeof failure>[]): PoolCommand => ({
      type: 'RecordReports',
      reports: failures.map((each) => ({ kind: 'refresh-failed', ...each })),
      at,
    });
    const failed = (each: ReturnType<typeof failure>): PoolEvent => ({
      type: 'SlotsRefreshFailed',
      leases: [each],
      at,
    });
    const asked = [...twoWithResources, asksForResources];
    given(...asked)
      .when(reports(failure(false)))
      .then(failed(failure(false)));
    const known = [...asked, failed(failure(false))];
    given(...known)
      .when(reports(failure(false)))
      .thenNothing();
    given(...known)
      .when(reports(failure(false), failure(false, 'another')))
      .then(failed(failure(false, 'another')));
    given(...known)
      .when(reports(failure(true)))
      .then(failed(failure(true)));
    // Of an earlier request, of another lease, and of a slot that has them.
    for (const events of [
      [...known, asksForResources],
      [...known, refreshed(0, 1)],
      [...asked, ended(anEnd(0))],
    ])
      given(...events)
        .when(reports(failure(true)))
        .thenNothing();
    const instances = (...events: readonly PoolEvent[]) =>
      refreshFailuresOf(stateAfter(...events)).map(({ instance }) => instance);
    expect(instances(...known)).toEqual([0]);
    for (const event of [asksForResources, refreshed(0, 1), ended(anEnd(0)), resized('', '0')])
      expect(instances(...known, event)).toEqual([]);
    const state = stateAfter(...known);
    expect(restorePoolState(JSON.parse(JSON.stringify(storePoolState(state))))).toEqual(state);
    expect(isSynchronized(state)).toBe(false);
  });

  it('are there where a pool has none', () => {
    expect(isSynchronized(stateAfter(...oneReady, asksForResources))).toBe(true);
  });
});

describe('the interval of a slot, which is what is billed of a pool', () => {
  const endsOf = (events: readonly PoolEvent[], command: PoolCommand): readonly AttemptEnd[] => {
    const decision = poolDecider.decide(stateAfter(...events), command);
    if ('rejection' in decision) throw new Error(decision.rejection.detail);
    return decision.events.flatMap((event) => (event.type === 'SlotsEnded' ? event.attempts : []));
  };
  const LATER = at + 60_000;
  const lost = anEnd(0, { outcome: 'failure', cause: 'node-lost', startedAt: at, endedAt: LATER });

  it('is from ready to its end, however that comes', () => {
    const told = anEnd(0, { outcome: 'cancelled', startedAt: at, endedAt: LATER });
    const report: PoolCommand = { type: 'RecordReports', reports: [{ kind: 'ended', end: told }], at: LATER };
    const revoke: PoolCommand = { type: 'RevokeLeases', attempts: [lost], at: LATER };
    for (const [events, command] of [
      [[...oneReady, resized('', '0')], report],
      [[...oneReady, closing], report],
      [[...oneReady, deleting], report],
      [oneReady, revoke],
    ] as const)
      expect(endsOf(events, command)).toEqual([expect.objectContaining({ startedAt: at, endedAt: LATER })]);
  });

  it('is none of a slot that was never ready, and is told once', () => {
    const begun = [created({ size: { type: 'fixed', nodes: 1 } }), resized('0'), dispatched(aLease(0))];
    expect(endsOf(begun, report(unprepared(0)))).toEqual([expect.not.objectContaining({ startedAt: at })]);
    expect(endsOf([...oneReady, ended(lost)], { type: 'RevokeLeases', attempts: [lost], at: LATER })).toEqual([]);
  });
});

describe('the size of a pool', () => {
  it('is changed by slots that are free to open, and open ones to close', () =>
    given(...oneReady)
      .when(resize([0, 1], [0, 7]))
      .then(resized('1', '0')));
  it('is recorded once, also where it is none', () => {
    given(created()).when(resize([], [])).then(resized(''));
    given(created(), resized('')).when(resize([], [])).thenNothing();
  });
  it('is not changed any more once the pool is to end', () =>
    given(...oneReady, closing)
      .when(resize([1], []))
      .thenNothing());
});

describe('slots', () => {
  it('are leased, get ready and end as instances do', () => {
    const lease = aLease(0);
    given(created(), resized('0'))
      .when({ type: 'DispatchInstances', leases: [lease], at })
      .then(dispatched(lease));
    given(created(), resized('0'), dispatched(lease))
      .when({ type: 'RecordReports', reports: [{ kind: 'started', ...aRef(0), startedAt: at }], at })
      .then(ready(aRef(0)));
  });
  it('are opened again when their node was lost', () => {
    const { state } = given(...oneReady, ended(aFailure(0, { cause: 'node-lost' })));
    expect(sizeOf(state.slots.waiting)).toBe(1);
    expect(publicPoolStateOf(state)).toBe('Submitted');
  });
  it('are not dispatched any more once the pool is to end', () =>
    given(created(), resized('0'), closing)
      .when({ type: 'DispatchInstances', leases: [aLease(0)], at })
      .thenNothing());
  it('of an older lease are not heard', () =>
    given(...oneReady)
      .when(report(anEnd(0, { attempt: 9 })))
      .thenNothing());
  it('that cannot be prepared are opened again by the size, and so many in a row are the end of the pool', () => {
    const once = [resized('0'), dispatched(aLease(0))];
    const state = given(created({ size: { type: 'fixed', nodes: 1 } }), ...once, ended(unprepared(0))).state;
    expect(sizeOf(state.slots.waiting)).toBe(0);
    const noDemand: PoolDemand = { running: new Map(), idleSince: new Map(), waiting: 0 };
    expect(sizePool(state, noDemand, at)).toMatchObject({ open: emptyRanges, againAt: at + 1_000 });
    expect(sizePool(state, noDemand, at + 1_000)).toMatchObject({ open: rangesOf(1) });
    const many = Array.from({ length: MAX_FAILED_PREPARATIONS - 1 }, (_, index) => [
      resized('0'),
      dispatched(aLease(0, { attempt: index + 1 })),
      ended(unprepared(0, index + 1)),
    ]).flat();
    const last = aLease(0, { attempt: MAX_FAILED_PREPARATIONS });
    const error = {
      code: 'FX-EXIT',
      message: 'Slots could not be prepared 5 times in a row: exit code 3',
      debug: 'cause: user',
    };
    given(created(), ...many, resized('0'), dispatched(last))
      .when(report(unprepared(0, MAX_FAILED_PREPARATIONS)))
      .then(ended(unprepared(0, MAX_FAILED_PREPARATIONS)), { type: 'PoolFailed', error, at });
  });
});

describe('slots that fail together', () => {
  const slots = [0, 1, 2, 3, 4];
  const begun = [
    created({ size: { type: 'fixed', nodes: 5 } }),
    resized('0-4'),
    dispatched(...slots.map((n) => aLease(n))),
  ];
  it('are one try, in one report or in several, and the next one is later', () => {
    const atOnce = given(...begun, ended(...slots.map((n) => unprepared(n)))).state;
    const inTurn = given(...begun, ...slots.map((n) => ended(unprepared(n)))).state;
    for (const state of [atOnce, inTurn]) {
      expect(state.failures).toBe(1);
      const none: PoolDemand = { running: new Map(), idleSince: new Map(), waiting: 0 };
      expect(sizePool(state, none, at)).toMatchObject({ open: emptyRanges, againAt: at + 1_000 });
      expect(sizePool(state, none, at + 1_000)).toMatchObject({ open: rangesOf(5) });
    }
    given(...begun)
      .when(report(unprepared(0)))
      .then(ended(unprepared(0)));
  });
  it('are another try when they were begun after the last failure', () => {
    const again = [resized('0'), dispatched(aLease(0, { attempt: 2 })), ended(unprepared(0, 2))];
    expect(given(...begun, ended(unprepared(0)), ...again, ended(unprepared(1))).state.failures).toBe(2);
  });
});

describe('a slot on a node that is drained', () => {
  const two = [
    created({ size: { type: 'fixed', nodes: 2 } }),
    resized('0-1'),
    dispatched(aLease(0), aLease(1)),
    ready(aRef(0), aRef(1)),
  ];
  const of = (leaving: readonly number[], running: readonly number[] = []): PoolDemand => ({
    running: new Map(running.map((slot) => [slot, 1])),
    idleSince: new Map(),
    waiting: 0,
    leaving: new Set(leaving),
  });
  it('is closed and another one is opened for it; one in use stays until it is empty', () => {
    const { state } = given(...two);
    expect(sizePool(state, of([0]), at)).toMatchObject({ open: fromNumbers([2]), close: fromNumbers([0]) });
    expect(sizePool(state, of([0, 1], [0]), at)).toMatchObject({ open: fromNumbers([2]), close: fromNumbers([1]) });
    expect(sizePool(state, of([]), at)).toMatchObject({ open: emptyRanges, close: emptyRanges });
  });
  it('is replaced once', () => {
    const { state } = given(...two, resized('2', '0'));
    expect(sizePool(state, of([0]), at)).toMatchObject({ open: emptyRanges, close: emptyRanges });
  });
});

describe('the end of a pool', () => {
  const end = anEnd(0, { outcome: 'cancelled', endedAt: at });
  it('is asked for once', () => {
    given(...oneReady)
      .when({ type: 'ClosePool', at })
      .then(closing);
    given(...oneReady, closing)
      .when({ type: 'ClosePool', at })
      .thenRejected('pool-not-running');
  });
  it('comes with its last slot', () =>
    given(...oneReady, closing, resized('', '0'))
      .when(report(end))
      .then(ended(end), { type: 'PoolClosed', at }));
  it('comes at the next look at a pool without slots', () =>
    given(created(), closing).when(resize([], [])).then(resized(''), { type: 'PoolClosed', at }));
  it('of a deletion is at once where there is no slot, and else with the last one', () => {
    given(created()).when({ type: 'DeletePool', at }).then(deleting, { type: 'PoolDeleted', at });
    given(...oneReady)
      .when({ type: 'DeletePool', at })
      .then(deleting);
    given(...oneReady, deleting)
      .when(report(end))
      .then(ended(end), { type: 'PoolDeleted', at });
    given(...oneReady, closing)
      .when({ type: 'DeletePool', at })
      .then(deleting);
  });
  it('comes when no slot was opened in time', () =>
    given(created({ maxTimeQueueSeconds: 1 }), resized('0'))
      .when({ type: 'ExpireWaiting', at: at + 1_000 })
      .then({
        type: 'PoolFailed',
        error: { code: 'FX-QUEUE-LIMIT', message: 'No slot was opened within maxTimeQueueSeconds', debug: '' },
        at: at + 1_000,
      }));
});

describe('the public state', () => {
  it.each<readonly [string, readonly PoolEvent[]]>([
    ['Submitted', [created()]],
    ['Submitted', [created(), resized('0-1')]],
    ['PartiallyDispatched', [created(), resized('0-1'), dispatched(aLease(0))]],
    ['FullyDispatched', [created(), resized('0'), dispatched(aLease(0))]],
    ['PartiallyExecuting', [created(), resized('0-1'), dispatched(aLease(0)), ready(aRef(0))]],
    ['FullyExecuting', oneReady],
    ['FullyExecuting', [created(), resized('')]],
    ['Closing', [...oneReady, closing]],
    ['Closed', [...oneReady, closing, ended(anEnd(0)), { type: 'PoolClosed', at }]],
    ['PendingDelete', [...oneReady, deleting]],
    ['Failure', [created(), { type: 'PoolFailed', error: { code: 'x', message: '', debug: '' }, at }]],
  ])('is %s', (state, events) => expect(publicPoolStateOf(given(...events).state)).toBe(state));
});

describe('sizing', () => {
  const demand = (overrides: Partial<PoolDemand> = {}): PoolDemand => ({
    running: new Map(),
    idleSince: new Map(),
    waiting: 0,
    ...overrides,
  });
  const elastic = (overrides: Partial<Extract<PoolSpec['size'], { type: 'elastic' }>>): PoolSpec['size'] => ({
    type: 'elastic',
    minimum: 0,
    maximum: 8,
    minimumIdle: 0,
    idleMs: 90_000,
    growth: 1,
    periodMs: 90_000,
    ...overrides,
  });
  it('opens a node for as many slots as it takes', () => {
    const { state } = given(created({ size: elastic({}), slotsPerNode: 4 }));
    expect(state.slots.spec.request).toEqual({ cores: 4, memoryMB: 400 });
    expect(sizePool(state, demand({ waiting: 5 }), at)).toMatchObject({ open: rangesOf(2), close: emptyRanges });
  });
  it('closes what has been idle for long, and nothing that is in use', () => {
    const { state } = given(
      created({ size: elastic({}) }),
      resized('0-1'),
      dispatched(aLease(0), aLease(1)),
      ready(aRef(0), aRef(1)),
    );
    const used = demand({ running: new Map([[0, 1]]) });
    expect(sizePool(state, used, at + 89_999)).toMatchObject({ close: emptyRanges, againAt: at + 90_000 });
    expect(sizePool(state, used, at + 90_000)).toMatchObject({ close: fromNumbers([1]) });
  });
  it('of a pool that closes lets go of slots on a node that is drained, whoever waits for them', () => {
    const { state } = given(...oneReady, closing);
    const waited = demand({ waiting: 1, leaving: new Set([0]) });
    expect(sizePool(state, waited, at + 1_000)).toMatchObject({ open: emptyRanges, close: rangesOf(1) });
  });
  it('of a pool that closes lets go of idle slots, once nobody waits for them', () => {
    const { state } = given(...oneReady, closing);
    const later = at + 1_000;
    expect(sizePool(state, demand({ running: new Map([[0, 1]]) }), later)).toMatchObject({ close: emptyRanges });
    expect(sizePool(state, demand({ waiting: 1 }), later)).toMatchObject({ close: emptyRanges });
    expect(sizePool(state, demand(), later)).toMatchObject({ close: rangesOf(1), againAt: null });
  });
  it('of a pool that closes is kept for a second, so that it is seen to close; of one that is deleted it is not', () => {
    const { state } = given(...oneReady, closing);
    expect(sizePool(state, demand(), at + 999)).toMatchObject({ close: emptyRanges, againAt: at + 1_000 });
    const gone = given(...oneReady, closing, deleting).state;
    expect(sizePool(gone, demand(), at)).toMatchObject({ againAt: null });
  });

  const step = fc.record({
    act: fc.constantFrom('size', 'dispatch', 'ready', 'lost', 'unprepared', 'end' as const),
    waiting: fc.nat(12),
    busy: fc.nat(3),
  });
  it('keeps a pool within its bounds, whatever becomes of its slots, and the fold survives being stored', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(4),
        fc.nat(6),
        (steps, slotsPerNode, minimum, more) => {
          const size = elastic({ minimum, maximum: minimum + more, idleMs: 10, periodMs: 20 });
          let state: PoolState = given(created({ size, slotsPerNode })).state;
          let now = at;
          const apply = (command: PoolCommand): void => {
            const decision = poolDecider.decide(state, command);
            if ('events' in decision) state = decision.events.reduce(poolDecider.evolve, state);
          };
          for (const { act, waiting, busy } of steps) {
            now += 15;
            const [first] = state.slots.inFlight;
            if (act === 'size') {
              const running = new Map([...state.slots.inFlight.keys()].slice(0, busy).map((slot) => [slot, 1]));
              const { open, close } = sizePool(state, demand({ waiting, running }), now);
              for (const slot of running.keys()) expect(union(close, fromNumbers([slot])).size).toBe(close.size + 1);
              apply({ type: 'ResizePool', open, close, policyName: null, at: now });
              const nodes = sizeOf(state.slots.waiting) + sizeOf(openSlotsOf(state));
              expect(nodes * slotsPerNode).toBeLessThan(minimum + more + slotsPerNode);
            } else if (act === 'dispatch') {
              const leases = [...Array(20).keys()].flatMap((slot) =>
                state.slots.attempts.countOf(slot) < 90
                  ? [aLease(slot, { attempt: state.slots.attempts.countOf(slot) + 1 })]
                  : [],
              );
              apply({ type: 'DispatchInstances', leases, at: now });
            } else if (first) {
              const [instance, { leaseId, attempt }] = first;
              const end = { ...unprepared(instance, attempt), leaseId, endedAt: now };
              if (act === 'ready')
                apply({
                  type: 'RecordReports',
                  reports: [{ kind: 'started', instance, leaseId, startedAt: now }],
                  at: now,
                });
              else if (act === 'unprepared') apply({ ...report(end), at: now } as PoolCommand);
              else
                apply({
                  type: 'RevokeLeases',
                  attempts: [{ ...end, cause: act === 'lost' ? 'node-lost' : 'preempted' }],
                  at: now,
                });
            }
            expect(restorePoolState(JSON.parse(JSON.stringify(storePoolState(state))))).toEqual(state);
          }
        },
      ),
    );
  });
});
