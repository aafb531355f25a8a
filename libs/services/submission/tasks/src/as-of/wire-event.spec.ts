import { describe, expect, it } from '@jest/globals';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { aCommit, aLease, aTaskSpec, dispatched } from '@fornax/testing';
import { MOST_ITEMS, wireEventsOf } from './wire-event.js';

const recorded = (...events: readonly FornaxEvent[]): RecordedCommit => ({
  ...aCommit('c-1', events),
  sequence: 7,
  aggregate: 'task',
  aggregateId: 't',
});

const task = { id: 't', owner: 'ada' };

describe('an event as its owner reads it', () => {
  it('names for whom somebody acted and why, also where the commit is older than such names', () => {
    const old = recorded({ type: 'TaskCancelRequested', at: 5 });
    const shown = { onBehalfOf: 'user:ada', reason: null };
    expect(wireEventsOf(old, task)).toMatchObject([{ actor: 'service:test', ...shown }]);
    const meta = { ...old.meta, actor: 'user:root', onBehalfOf: 'user:ada', reason: 'out of budget' } as const;
    expect(wireEventsOf({ ...old, meta }, task)).toMatchObject([
      { actor: 'user:root', onBehalfOf: 'user:ada', reason: 'out of budget' },
    ]);
  });

  it('says what, when, who and why', () => {
    const commit = { ...recorded({ type: 'TaskCancelRequested', at: 5 }, { type: 'TaskDeleted', at: 6 }) };
    expect(wireEventsOf(commit, task)).toMatchObject([
      {
        id: '7.0',
        type: 'TaskCancelRequested',
        version: 1,
        at: '1970-01-01T00:00:00.005Z',
        taskId: 't',
        actor: 'service:test',
        correlationId: 'correlation-c-1',
        causationId: null,
        data: {},
      },
      { id: '7.1', type: 'TaskDeleted' },
    ]);
  });

  it('never holds a secret, sealed or in clear, wherever it stands', () => {
    const spec = aTaskSpec({
      wrappedKey: 'wrapped',
      constants: [
        { key: 'QARNOT_SECRET_A', sealed: 'sealed-a' },
        { key: 'OPEN', value: 'seen' },
      ],
      labels: { QARNOT_SECRET_L: 'in-clear' },
      echo: {
        forcedConstants: [{ key: 'QARNOT_SECRET_B', value: 'in-clear' }],
        nested: [{ deep: [{ key: 'K', sealed: 'sealed-k' }] }],
      },
    });
    const events = wireEventsOf(
      recorded(
        { type: 'TaskSubmitted', taskId: 't', owner: 'ada', spec, at: 1 },
        {
          type: 'TaskUpdated',
          wrappedKey: 'wrapped',
          constants: [{ key: 'QARNOT_SECRET_A', sealed: 'sealed-b' }],
          at: 1,
        },
      ),
      task,
    );
    expect(JSON.stringify(events)).not.toMatch(/wrapped|sealed|in-clear/);
    expect(events[0]?.data).toMatchObject({
      spec: {
        constants: [
          { key: 'QARNOT_SECRET_A', value: '[SECRET]' },
          { key: 'OPEN', value: 'seen' },
        ],
      },
    });
  });

  it('is bounded: of a long list the first items and the ranges of all', () => {
    const leases = Array.from({ length: 1_000 }, (_, instance) => aLease(instance * 2));
    const [event] = wireEventsOf(recorded(dispatched(...leases)), task);
    expect(event?.data).toMatchObject({
      omitted: 1_000 - MOST_ITEMS,
      instances: expect.stringMatching(/^0,2,4.*,1998$/),
    });
    expect((event?.data as { leases: unknown[] }).leases).toEqual(leases.slice(0, MOST_ITEMS));
  });
});
