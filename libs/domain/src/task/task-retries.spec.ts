import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aFailure, aLease, anEnd, AT as at, dispatched, submitted } from '../specs/facts.fixture.js';
import { MAX_PLATFORM_RETRIES } from './record-reports.js';
import { taskDecider } from './task.decider.js';
import type { FailureCause } from './task.events.js';
import type { TaskState } from './task.state.js';

type End = FailureCause | 'success';
const SIZE = 4;
const ends: fc.Arbitrary<readonly (readonly [instance: number, end: End])[]> = fc.array(
  fc.tuple(
    fc.nat(SIZE - 1),
    fc.constantFrom<End>('user', 'user', 'user', 'platform', 'node-lost', 'preempted', 'limit', 'success'),
  ),
  { maxLength: 60 },
);

/** Runs one attempt of an instance to the given end. @returns the task afterwards, and whether the instance waits again */
const attempt = (state: TaskState, instance: number, end: End): { state: TaskState; isRetried: boolean } => {
  const number = state.attempts.countOf(instance) + 1;
  const running = taskDecider.evolve(state, dispatched(aLease(instance, { attempt: number })));
  const overrides = { attempt: number };
  const ended = end === 'success' ? anEnd(instance, overrides) : aFailure(instance, { ...overrides, cause: end });
  const decision =
    end === 'node-lost' || end === 'preempted'
      ? taskDecider.decide(running, { type: 'RevokeLeases', attempts: [ended], at })
      : taskDecider.decide(running, { type: 'RecordReports', reports: [{ kind: 'ended', end: ended }], at });
  const events = 'events' in decision ? decision.events : [];
  const isRetried = events.some(({ type }) => type === 'InstancesRequeued');
  return { state: events.reduce(taskDecider.evolve, running), isRetried };
};

/** The rule of the contract (3.12) said once more, as plainly as it can be: what a model counts. */
class Model {
  private readonly byUser = new Map<number, number>();
  private readonly byPlatform = new Map<number, number>();
  private total = 0;
  constructor(
    private readonly perInstance: number,
    private readonly inAll: number,
  ) {}

  retries(instance: number, end: End): boolean {
    const count = (counts: Map<number, number>): true => {
      counts.set(instance, (counts.get(instance) ?? 0) + 1);
      return true;
    };
    if (end === 'node-lost' || end === 'preempted') return true;
    if (end === 'platform')
      return (this.byPlatform.get(instance) ?? 0) < MAX_PLATFORM_RETRIES && count(this.byPlatform);
    if (end !== 'user' || (this.perInstance === 0 && this.inAll === 0)) return false;
    if (this.perInstance > 0 && (this.byUser.get(instance) ?? 0) >= this.perInstance) return false;
    if (this.inAll > 0 && this.total >= this.inAll) return false;
    this.total += 1;
    return count(this.byUser);
  }
}

describe('retries', () => {
  it('obey the stricter limit in any sequence of ends, and only failures of the command use them up', () => {
    fc.assert(
      fc.property(ends, fc.nat(3), fc.nat(6), (sequence, perInstance, inAll) => {
        const model = new Model(perInstance, inAll);
        const spec = { instances: `0-${SIZE - 1}`, maxRetriesPerInstance: perInstance, maxTotalRetries: inAll };
        let state = taskDecider.evolve(taskDecider.initial, submitted('task-1', spec));
        const over = new Set<number>();
        for (const [instance, end] of sequence) {
          if (over.has(instance)) continue;
          const after = attempt(state, instance, end);
          expect([instance, end, after.isRetried]).toEqual([instance, end, model.retries(instance, end)]);
          if (!after.isRetried) over.add(instance);
          ({ state } = after);
        }
      }),
    );
  });

  it('are not used up by the platform: whatever it does, as many user failures are retried as without it', () => {
    const noise: fc.Arbitrary<End> = fc.constantFrom<End>('node-lost', 'preempted');
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (disturbances, limit) => {
        let state = taskDecider.evolve(
          taskDecider.initial,
          submitted('task-1', { instances: '0', maxRetriesPerInstance: limit }),
        );
        let retried = 0;
        for (let round = 0; state.failed.size === 0; round += 1) {
          const disturbance = disturbances[round];
          if (disturbance !== undefined) ({ state } = attempt(state, 0, disturbance));
          const after = attempt(state, 0, 'user');
          if (after.isRetried) retried += 1;
          ({ state } = after);
        }
        expect(retried).toBe(limit);
      }),
    );
  });
});
