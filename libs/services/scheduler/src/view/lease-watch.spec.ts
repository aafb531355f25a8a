import { describe, expect, it } from '@jest/globals';
import type { HeldLease, HeldPhase } from '@fornax/contracts';
import {
  aCommit,
  aLease,
  anEnd,
  aRef,
  concluded,
  dispatched,
  exited,
  nodeJoined,
  started,
  submitted,
} from '@fornax/testing';
import fc from 'fast-check';
import { LeaseWatch } from './lease-watch.js';
import { SchedulerView } from './scheduler-view.js';

type Events = Parameters<typeof aCommit>[1];
let sequence = 0;
const fold = (view: SchedulerView, aggregate: 'task' | 'node', aggregateId: string, events: Events): void => {
  sequence += 1;
  view.fold({ ...aCommit(`c${sequence}`, events), sequence, aggregate, aggregateId });
};
/** Leases 0/1 (dispatched), 1/1 (executing) and 2/1 (uploading) on node-1. */
const world = (): SchedulerView => {
  const view = new SchedulerView();
  fold(view, 'node', 'node-1', [nodeJoined('node-1')]);
  fold(view, 'task', 't', [submitted('t', { instances: '0-2' })]);
  fold(view, 'task', 't', [dispatched(aLease(0), aLease(1), aLease(2)), started(aRef(1), aRef(2)), exited(aRef(2))]);
  return view;
};
const watching = (): LeaseWatch => new LeaseWatch({ missingMs: 30_000, stuckMs: 600_000 });
const held = (leaseId: string, phase: HeldPhase, moved = 0): HeldLease => ({ leaseId, phase, moved });
const ALL = [held('0/1', 'preparing'), held('1/1', 'running'), held('2/1', 'uploading')];
const NOTHING = { ask: [], stop: [], end: [], strays: [] };

const hear = (watch: LeaseWatch, view: SchedulerView, now: number, list: readonly HeldLease[], nodeEpoch = 1) => {
  const { ask, stop, end, strays } = watch.hear(view, { node: 'node-1', nodeEpoch, held: list }, now);
  const ids = (leases: typeof ask): readonly string[] => leases.map(({ leaseId }) => leaseId);
  return { ask: ids(ask), stop: ids(stop), end: ids(end), strays: [...strays] };
};

describe('the watch over leases', () => {
  it('finds nothing where node and log agree', () => {
    const [view, watch] = [world(), watching()];
    for (const now of [0, 100_000, 200_000]) expect(hear(watch, view, now, ALL)).toEqual(NOTHING);
  });

  it('asks for a lease that is left out of three lists and for long enough, and not again at once', () => {
    const [view, watch] = [world(), watching()];
    const rest = ALL.slice(1);
    for (const now of [0, 29_000, 29_999]) expect(hear(watch, view, now, rest)).toEqual(NOTHING);
    expect(hear(watch, view, 30_000, rest)).toEqual({ ...NOTHING, ask: ['0/1'] });
    expect(hear(watch, view, 100_000, rest)).toEqual(NOTHING);
    expect(hear(watch, view, 180_000, rest)).toEqual({ ...NOTHING, ask: ['0/1'] });
  });

  it('does not ask because of one list that was older than the dispatch, nor of two far apart', () => {
    const [view, watch] = [world(), watching()];
    expect(hear(watch, view, 0, [])).toEqual(NOTHING);
    expect(hear(watch, view, 60_000, [])).toEqual(NOTHING);
    expect(hear(watch, view, 60_001, ALL)).toEqual(NOTHING);
    expect(hear(watch, view, 120_000, [])).toEqual(NOTHING);
  });

  it('ends what it has asked for without an answer', () => {
    const [view, watch] = [world(), watching()];
    const rest = (moved: number) => [held('0/1', 'preparing', moved), held('1/1', 'running')];
    for (const now of [0, 1, 30_000]) hear(watch, view, now, rest(now));
    expect(hear(watch, view, 630_000, rest(2))).toEqual({ ...NOTHING, end: ['2/1'] });
  });

  it('asks when the log is behind the node: a start or an exit was lost', () => {
    const [view, watch] = [world(), watching()];
    const ahead = (moved: number) => [
      held('0/1', 'running', moved),
      held('1/1', 'uploading', moved),
      ALL[2] as HeldLease,
    ];
    for (const now of [0, 10_000, 20_000]) expect(hear(watch, view, now, ahead(now))).toEqual(NOTHING);
    expect(hear(watch, view, 30_000, ahead(4))).toEqual({ ...NOTHING, ask: ['0/1', '1/1'] });
  });

  it('stops what does not move on, ends it when that does not help, and leaves commands alone', () => {
    const [view, watch] = [world(), watching()];
    expect(hear(watch, view, 0, ALL)).toEqual(NOTHING);
    expect(hear(watch, view, 599_999, ALL)).toEqual(NOTHING);
    expect(hear(watch, view, 600_000, ALL)).toEqual({ ...NOTHING, stop: ['0/1', '2/1'] });
    expect(hear(watch, view, 659_999, ALL)).toEqual(NOTHING);
    expect(hear(watch, view, 660_000, ALL)).toEqual({ ...NOTHING, end: ['0/1', '2/1'] });
  });

  it('lets a long transfer go on while something comes or goes', () => {
    const [view, watch] = [world(), watching()];
    for (let now = 0; now < 10_000_000; now += 500_000)
      expect(
        hear(watch, view, now, [held('0/1', 'preparing', now), ALL[1] as HeldLease, held('2/1', 'uploading', now)]),
      ).toEqual(NOTHING);
  });

  it('names what a node works on and does not hold, once in a while, however often it lists it', () => {
    const [view, watch] = [world(), watching()];
    fold(view, 'task', 't', [concluded(anEnd(1))]);
    expect(hear(watch, view, 0, ALL)).toEqual(NOTHING);
    expect(hear(watch, view, 10_000, [...ALL, held('made up', 'running')])).toEqual({ ...NOTHING, strays: ['1/1'] });
    expect(hear(watch, view, 10_100, [...ALL, held('made up', 'running')])).toEqual(NOTHING);
    expect(hear(watch, view, 20_000, [...ALL, held('made up', 'running')])).toEqual({
      ...NOTHING,
      strays: ['1/1', 'made up'],
    });
  });

  it('does not listen to another session of the node, nor to one that is lost', () => {
    const [view, watch] = [world(), watching()];
    for (const now of [0, 50_000, 100_000]) expect(hear(watch, view, now, [], 2)).toEqual(NOTHING);
    fold(view, 'node', 'node-1', [{ type: 'NodeLost', nodeId: 'node-1', epoch: 1, cause: 'heartbeat', at: 1 }]);
    for (const now of [0, 50_000, 100_000]) expect(hear(watch, view, now, [])).toEqual(NOTHING);
  });

  it('has heard all nodes once the last list of each, in its session, names nothing but what it holds', () => {
    const [view, watch] = [world(), watching()];
    fold(view, 'node', 'node-2', [nodeJoined('node-2')]);
    const tell = (node: string, list: readonly HeldLease[], nodeEpoch = 1): boolean => {
      watch.hear(view, { node, nodeEpoch, held: list }, 0);
      return watch.hasHeardAll(view);
    };
    expect(tell('node-1', ALL)).toBe(false);
    expect(tell('node-2', [held('made up', 'running')])).toBe(false);
    expect(tell('node-2', [], 2)).toBe(false);
    expect(tell('node-2', [])).toBe(true);
    expect(tell('node-2', [held('made up', 'running')])).toBe(false);
    fold(view, 'node', 'node-2', [{ type: 'NodeLost', nodeId: 'node-2', epoch: 1, cause: 'left', at: 1 }]);
    expect(watch.hasHeardAll(view)).toBe(true);
  });

  it('remembers nothing of nodes that have gone once another one comes', () => {
    const [view, watch] = [world(), watching()];
    for (const node of ['node-2', 'node-3']) {
      fold(view, 'node', node, [nodeJoined(node)]);
      watch.hear(view, { node, nodeEpoch: 1, held: [] }, 0);
      fold(view, 'node', node, [{ type: 'NodeLost', nodeId: node, epoch: 1, cause: 'left', at: 1 }]);
    }
    expect(watch.size).toBe(1);
    hear(watch, view, 1, ALL);
    hear(watch, view, 2, ALL);
    expect(watch.size).toBe(1);
  });

  it('never asks for, stops or ends a lease that every list has, moving', () => {
    const list = fc.record({
      passes: fc.nat(700_000),
      strays: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
      without: fc.constantFrom('0/1', '2/1'),
    });
    fc.assert(
      fc.property(fc.array(list, { maxLength: 40 }), (lists) => {
        const [view, watch] = [world(), watching()];
        let now = 0;
        for (const { passes, strays, without } of lists) {
          now += passes;
          const rest = ALL.filter(({ leaseId }) => leaseId !== without).map((lease) => ({ ...lease, moved: now }));
          const {
            ask,
            stop,
            end,
            strays: found,
          } = hear(watch, view, now, [...rest, ...strays.map((id) => held(id, 'running'))]);
          expect([...ask, ...stop, ...end]).not.toContain('1/1');
          expect(found.every((id) => strays.some((stray) => stray === id))).toBe(true);
        }
      }),
    );
  });
});
