import type { SnapshotCommand, SnapshotEvent } from './snapshot.events.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { specFor } from '../specs/given.fixture.js';
import { snapshotDecider } from './snapshot.decider.js';

const at = 1_000;
const { given } = specFor(snapshotDecider);
const part = (instance: number) => ({ instance, leaseId: `lease-${instance}`, node: 'n1' });
const facts = {
  snapshotId: 's',
  taskId: 't',
  owner: 'ada',
  config: { whitelist: null, blacklist: null, bucket: 'b', prefix: null },
  parts: [part(0), part(1)],
  at,
};
const trigger: SnapshotCommand = { type: 'TriggerSnapshot', ...facts };
const triggered = { type: 'SnapshotTriggered', ...facts } as const satisfies SnapshotEvent;
const amounts = { files: 2, bytes: 10, at };
const upload = (leaseId: string, notes?: readonly string[]): SnapshotCommand => ({
  type: 'RecordPartUploaded',
  leaseId,
  ...amounts,
  ...(notes ? { notes } : {}),
});
const uploaded = (leaseId: string, notes?: readonly string[]): SnapshotEvent => ({
  type: 'SnapshotPartUploaded',
  leaseId,
  ...amounts,
  ...(notes ? { notes } : {}),
});
const fail = (leaseId: string): SnapshotCommand => ({ type: 'RecordPartFailed', leaseId, reason: 'disk full', at });
const failed: SnapshotEvent = { type: 'SnapshotFailed', taskId: 't', reason: 'disk full', at };
const progress = { leaseId: 'lease-0', sizeToUploadBytes: 20, transferredBytes: 5, at };

/** Uploads the parts of these instances one after the other. @returns the last event */
const uploadAll = (
  all: readonly { readonly instance: number; readonly files: number; readonly bytes: number }[],
): SnapshotEvent | undefined => {
  let state = snapshotDecider.evolve(snapshotDecider.initial, {
    ...triggered,
    parts: all.map(({ instance }) => part(instance)),
  });
  let last: SnapshotEvent | undefined;
  for (const { instance, files, bytes } of all) {
    const command = { type: 'RecordPartUploaded', leaseId: `lease-${instance}`, files, bytes, at } as const;
    const decision = snapshotDecider.decide(state, command);
    if ('rejection' in decision) throw new Error(decision.rejection.detail);
    state = decision.events.reduce(snapshotDecider.evolve, state);
    last = decision.events.at(-1);
  }
  return last;
};

describe('a snapshot', () => {
  it('is triggered once, with at least one part', () => {
    given().when(trigger).then(triggered);
    given(triggered).when(trigger).thenRejected('snapshot-exists');
    given()
      .when({ ...trigger, parts: [] })
      .thenRejected('task-not-running');
  });
  it('records progress while a part is awaited', () => {
    given(triggered)
      .when({ type: 'RecordProgress', ...progress })
      .then({ type: 'SnapshotProgressed', ...progress });
    given(triggered, uploaded('lease-0'))
      .when({ type: 'RecordProgress', ...progress })
      .thenNothing();
  });
  it('completes with the last part', () => {
    given(triggered).when(upload('lease-0')).then(uploaded('lease-0'));
    given(triggered, uploaded('lease-0'))
      .when(upload('lease-1'))
      .then(uploaded('lease-1'), { type: 'SnapshotCompleted', taskId: 't', files: 4, bytes: 20, at });
  });
  it('keeps what is said of a part, and nothing where nothing is', () => {
    const notes = ['Not in the snapshot, since they are pipes: "p"'];
    given(triggered).when(upload('lease-0', notes)).then(uploaded('lease-0', notes));
    given(triggered).when(upload('lease-0', [])).then(uploaded('lease-0'));
  });
  it('fails with the first failed part', () =>
    given(triggered, uploaded('lease-0')).when(fail('lease-1')).then(failed));
  it('is pruned in two steps, once it is complete', () => {
    const complete = [
      triggered,
      uploaded('lease-0'),
      uploaded('lease-1'),
      { type: 'SnapshotCompleted', taskId: 't', files: 4, bytes: 20, at },
    ] as const;
    const requested = { type: 'SnapshotPruneRequested', taskId: 't', cause: 'asked', at } as const;
    const pruned = { type: 'SnapshotPruned', taskId: 't', at } as const;
    const ask: SnapshotCommand = { type: 'RequestPrune', cause: 'asked', at };
    const finish: SnapshotCommand = { type: 'FinishPrune', at };
    given().when(ask).thenRejected('snapshot-not-found');
    given(triggered).when(ask).thenRejected('snapshot-not-complete');
    given(triggered, failed).when(ask).thenRejected('snapshot-not-complete');
    given(...complete)
      .when(finish)
      .thenNothing();
    given(...complete)
      .when(ask)
      .then(requested);
    given(...complete, requested)
      .when(ask)
      .thenNothing();
    given(...complete, requested)
      .when(finish)
      .then(pruned);
    given(...complete, requested, pruned)
      .when(ask)
      .thenNothing();
    given(...complete, requested, pruned)
      .when(finish)
      .thenNothing();
  });
  it('ignores what is doubled, late or about no part of it', () => {
    given(triggered, uploaded('lease-0')).when(upload('lease-0')).thenNothing();
    given(triggered, uploaded('lease-0')).when(fail('lease-0')).thenNothing();
    given(triggered, failed).when(upload('lease-1')).thenNothing();
    given(triggered).when(fail('lease-9')).thenNothing();
    given().when(upload('lease-0')).thenNothing();
  });
  it('completes with whichever part comes last, and adds up what all of them hold', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ instance: fc.nat(500), files: fc.nat(9), bytes: fc.nat(99) }), {
          selector: ({ instance }) => instance,
          minLength: 1,
        }),
        (all) => {
          const sum = (key: 'files' | 'bytes'): number => all.reduce((total, one) => total + one[key], 0);
          expect(uploadAll(all)).toEqual({
            type: 'SnapshotCompleted',
            taskId: 't',
            files: sum('files'),
            bytes: sum('bytes'),
            at,
          });
        },
      ),
    ));
  it('of 10,000 instances costs what each of their parts costs', () => {
    const all = Array.from({ length: 10_000 }, (_, n) => ({ instance: (n * 7_919) % 10_000, files: 1, bytes: 2 }));
    const begun = performance.now();
    expect(uploadAll(all)).toMatchObject({ type: 'SnapshotCompleted', files: 10_000, bytes: 20_000 });
    // A tenth of a second; eight seconds when each part was paid for by all of them.
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});
