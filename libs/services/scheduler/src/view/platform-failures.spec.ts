import { describe, expect, it } from '@jest/globals';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { plan, rangesOf, type AttemptEnd, type InstanceError } from '@fornax/domain';
import {
  aCommit,
  aLease,
  anEnd,
  concluded,
  dispatched,
  nodeJoined,
  requeued,
  started,
  submitted,
} from '@fornax/testing';
import { SchedulerView } from './scheduler-view.js';

const REQUEST = { cores: 1, memoryMB: 1 };
const MINUTE = 60_000;
const BY_PLATFORM = { outcome: 'failure', cause: 'platform' } as const;
const withCode = (code: string): { readonly error: InstanceError } => ({ error: { code, message: '', debug: '' } });

/** Two nodes, of which the first is taken where nothing speaks against it. */
class World {
  now = 0;
  readonly view = new SchedulerView();
  private sequence = 0;

  constructor() {
    this.view.measure({ now: () => this.now, elapsed: () => this.now });
    this.fold('node', 'n1', nodeJoined('n1', { cores: 2 }));
    this.fold('node', 'n2', nodeJoined('n2', { cores: 8 }));
  }

  private fold(aggregate: RecordedCommit['aggregate'], id: string, ...events: readonly FornaxEvent[]): void {
    this.sequence += 1;
    this.view.fold({ ...aCommit(`c-${this.sequence}`, events), sequence: this.sequence, aggregate, aggregateId: id });
  }

  submit(taskId: string, owner: string): void {
    this.fold('task', taskId, submitted(taskId, { instances: '0', request: REQUEST }, owner));
  }

  lease(taskId: string) {
    return aLease(0, { leaseId: `l-${taskId}`, node: 'n1' });
  }

  give(taskId: string, owner: string): void {
    this.submit(taskId, owner);
    this.fold('task', taskId, dispatched(this.lease(taskId)));
  }

  start(taskId: string): void {
    this.fold('task', taskId, started(this.lease(taskId)));
  }

  end(taskId: string, overrides: Partial<AttemptEnd> = {}): void {
    const end = anEnd(0, { leaseId: `l-${taskId}`, node: 'n1', ...overrides });
    this.fold('task', taskId, end.outcome === 'success' ? concluded(end) : requeued(end));
  }

  fail(taskId: string, owner: string, overrides: Partial<AttemptEnd> = {}): void {
    this.give(taskId, owner);
    this.end(taskId, { ...BY_PLATFORM, ...overrides });
  }

  /** Three tasks of three accounts fail on the first node. */
  holdBack(): void {
    for (const owner of ['a', 'b', 'c']) this.fail(`first-${owner}`, owner);
  }

  /** Where the next instances of an account would go. */
  next(owner: string, count = 1): readonly string[] {
    const task = { owner, plan: 'flex', request: REQUEST, constraints: [] } as const;
    const entries = [{ ...task, taskId: 'next', waiting: rangesOf(count), order: 1 }];
    return plan(this.view.cluster(), [{ ...task, key: 'k', entries }], { maxPlacements: 9 }).placements.map(
      ({ node }) => node,
    );
  }
}

const held = (): World => {
  const world = new World();
  world.holdBack();
  return world;
};

describe('what is remembered of nodes that fail', () => {
  it('holds one back for everybody when tasks of three accounts failed there in a row, and lets one try it later', () => {
    const world = held();
    expect(world.next('z')).toEqual(['n2']);
    world.now += 4_999;
    expect(world.next('z')).toEqual(['n2']);
    world.now += 1;
    expect(world.next('z', 2)).toEqual(['n1', 'n2']);
    world.give('trial', 'z');
    expect(world.next('z')).toEqual(['n2']);
    world.end('trial');
    expect(world.next('z', 2)).toEqual(['n1', 'n1']);
  });

  it('holds one back for the one account whose tasks failed there, and for nobody else', () => {
    const world = new World();
    for (const at of [1, 2, 3]) world.fail(`t${at}`, 'mallory');
    expect(world.next('mallory')).toEqual(['n2']);
    expect(world.next('ada', 2)).toEqual(['n1', 'n1']);
    world.now += 5_000;
    expect(world.next('mallory', 2)).toEqual(['n1', 'n2']);
    world.give('ada-1', 'ada');
    world.end('ada-1');
    expect(world.next('mallory', 2)).toEqual(['n1', 'n2']);
    world.give('trial', 'mallory');
    expect(world.next('mallory')).toEqual(['n2']);
    world.end('trial');
    expect(world.next('mallory', 2)).toEqual(['n1', 'n1']);
  });

  it('counts each task once, however often it fails', () => {
    const world = new World();
    world.fail('t', 'ada');
    world.now += MINUTE;
    for (let tries = 0; tries < 2; tries += 1) {
      world.view.failures.ended({ taskId: 't', owner: 'ada' }, anEnd(0, { node: 'n1', ...BY_PLATFORM }), world.now);
    }
    expect(world.next('ada')).toEqual(['n1']);
  });

  it.each(['FX-REGISTRY', 'FX-IMAGE-ROOM'])('does not count %s, which is not the fault of the node', (code) => {
    const world = new World();
    for (const owner of ['a', 'b', 'c', 'd']) world.fail(`t-${owner}`, owner, withCode(code));
    for (const at of [1, 2, 3]) world.fail(`e${at}`, 'e', withCode(code));
    expect([world.next('z'), world.next('e')]).toEqual([['n1'], ['n1']]);
  });

  it('holds back a node where everything starts and fails then', () => {
    const world = new World();
    for (const owner of ['a', 'b', 'c']) {
      world.give(owner, owner);
      world.start(owner);
      world.end(owner, BY_PLATFORM);
    }
    expect(world.next('z')).toEqual(['n2']);
    world.now += 5_000;
    world.give('trial', 'z');
    world.start('trial');
    world.now += 1_000;
    expect(world.next('y')).toEqual(['n2']);
    world.end('trial', BY_PLATFORM);
    world.now += 9_999;
    expect(world.next('y')).toEqual(['n2']);
    world.now += 1;
    expect(world.next('y')).toEqual(['n1']);
  });

  it.each([
    ['success', { outcome: 'success' }],
    ['an exit that the user caused', { outcome: 'failure', cause: 'user' }],
    ['a limit', { outcome: 'failure', cause: 'limit' }],
  ] as const)('begins anew after %s', (_, end) => {
    const world = new World();
    for (const owner of ['a', 'b']) world.fail(owner, owner);
    world.give('well', 'w');
    world.end('well', end);
    for (const owner of ['c', 'd']) world.fail(owner, owner);
    expect(world.next('z')).toEqual(['n1']);
    world.fail('e', 'e');
    expect(world.next('z')).toEqual(['n2']);
  });

  describe('a trial', () => {
    const onTrial = (): World => {
      const world = held();
      world.now += 5_000;
      return world;
    };

    it('that never comes to be is taken back', () => {
      const world = onTrial();
      world.submit('trial', 'z');
      const entry = world.view.task('trial');
      if (!entry) throw new Error('there is no such task');
      world.view.reserve(entry, [world.lease('trial')]);
      expect(world.next('y')).toEqual(['n2']);
      world.view.release('trial', [world.lease('trial')]);
      expect(world.next('y', 2)).toEqual(['n1', 'n2']);
    });

    it('that is heard of no more is over after a minute, and the next one tries it', () => {
      const world = onTrial();
      world.give('trial', 'z');
      world.now += MINUTE - 1;
      expect(world.next('y')).toEqual(['n2']);
      expect(world.view.failures.nextChange(world.now)).toBe(world.now + 1);
      world.now += 1;
      expect(world.next('y', 1)).toEqual(['n1']);
      world.give('again', 'y');
      expect(world.next('y')).toEqual(['n2']);
    });

    it('that has run for a minute opens the node, which is held back for longer if it fails again', () => {
      const world = onTrial();
      world.give('trial', 'z');
      world.start('trial');
      world.now += MINUTE;
      expect(world.next('y', 2)).toEqual(['n1', 'n2']);
      world.end('trial', BY_PLATFORM);
      for (const owner of ['a', 'b']) world.fail(`later-${owner}`, owner);
      world.now += 9_999;
      expect(world.next('y')).toEqual(['n2']);
      world.now += 1;
      expect(world.next('y')).toEqual(['n1']);
    });

    it('that is cancelled says nothing: the next one tries it', () => {
      const world = onTrial();
      world.give('trial', 'z');
      world.end('trial', { outcome: 'cancelled' });
      expect(world.next('y', 2)).toEqual(['n1', 'n2']);
    });

    it('alone says that the node is not well yet: what was on its way there before does not', () => {
      const world = new World();
      world.give('before', 'x');
      world.holdBack();
      world.now += 5_000;
      world.give('trial', 'z');
      world.end('before', BY_PLATFORM);
      world.end('trial', { outcome: 'cancelled' });
      expect(world.next('y')).toEqual(['n1']);
    });
  });
});

describe('what is remembered of an instance whose registry is away', () => {
  const pauses = (code: string): readonly number[] => {
    const world = new World();
    return [1, 2, 3].map(() => {
      const end = anEnd(0, { node: 'n1', ...BY_PLATFORM, ...withCode(code) });
      world.view.failures.ended({ taskId: 't', owner: 'ada' }, end, world.now);
      return (world.view.failures.nextChange(world.now) ?? 0) - world.now;
    });
  };

  it('is that it waits for longer than a node tells a failed pull to all who come', () => {
    expect(pauses('FX-NODE')).toEqual([2_000, 6_000, 18_000]);
    // A registry may ask for a minute.
    expect(pauses('FX-REGISTRY')).toEqual([5_000, 15_000, 45_000]);
  });
});
