import { describe, expect, it } from '@jest/globals';
import { countKinds, figuresOf, hollowness } from './figures.js';
import type { Ending, History, Run } from './history.js';

const ending = (key: string, instances: number): Ending => ({
  key,
  uuid: key,
  state: 'Success',
  instances,
  bucket: null,
  completed: [],
  lines: [],
});
const run = (key: string): Run => ({ key, instance: 0, from: 1, until: 2, isDone: true, isOpen: false });

describe('figures of a round', () => {
  it('count what is its own, and each kind of fault for itself', () => {
    const history: History = {
      operations: [],
      endings: [ending('kill-0-0', 3), ending('kill-0-1', 1), ending('kill-1-0', 5)],
      runs: [run('kill-0-0'), run('kill-0-1'), run('kill-0-1'), run('kill-1-0')],
      losses: [],
      givenUp: new Set(),
      elapsedMs: 1_000,
    };
    const anomalies = (['two at one time', 'not billed', 'not billed', 'lost', 'not ended'] as const).map((kind) => ({
      kind,
      key: 'kill-0-1',
      detail: '',
    }));
    const others = [{ kind: 'lost' as const, key: 'kill-1-0', detail: '' }];
    expect(figuresOf(history, [...anomalies, ...others], 'kill-0-')).toEqual({
      tasks: 2,
      instances: 4,
      runs: 3,
      doubleRuns: 1,
      lost: 1,
      unbilled: 2,
    });
  });
});

describe('a round that proves nothing', () => {
  it('is told by each thing that it lacks', () => {
    const whole = { faults: 1, tasks: 1, runs: 1 };
    expect(hollowness(whole)).toEqual([]);
    for (const lack of ['faults', 'tasks', 'runs'] as const)
      expect(hollowness({ ...whole, [lack]: 0 })).toHaveLength(1);
  });

  it('names how many faults of each kind there were', () =>
    expect(countKinds(['kill -9 nats', 'power cut', 'kill -9 nats'])).toEqual({ 'kill -9 nats': 2, 'power cut': 1 }));
});
