import { describe, expect, it } from '@jest/globals';
import type { LeaseClaims } from '@fornax/contracts';
import {
  aCommit,
  aLease,
  aRef,
  cancelRequested,
  concluded,
  anEnd,
  dispatched,
  started,
  submitted,
} from '@fornax/testing';
import { constantIdentity, dataKeyIdentity, referenceTo, Sealer } from '@fornax/identity';
import { SchedulerView } from '../view/scheduler-view.js';
import { grantLease, secretRightsOf } from './grants.js';

const secrets = { unwrap: () => new Uint8Array(32), open: (_key: Uint8Array, sealed: string) => sealed.toUpperCase() };
const signed: LeaseClaims[] = [];
const sign = (claims: LeaseClaims) => {
  signed.push(claims);
  return { accessKey: 'a', secretKey: 's', sessionToken: 't' };
};

const viewWith = (...events: Parameters<typeof aCommit>[1]): SchedulerView => {
  const view = new SchedulerView();
  view.fold({ ...aCommit('c', events), sequence: 1, aggregate: 'task', aggregateId: 't' });
  return view;
};
const grant = (view: SchedulerView, node = 'node-1', leaseId = '0/1') =>
  grantLease(view, node, { taskId: 't', instance: 0, leaseId }, { secrets, sign, now: 1_000 });

const sealed = {
  wrappedKey: 'wrapped',
  constants: [
    { key: 'QARNOT_SECRET_A', sealed: 'hush' },
    { key: 'PLAIN', value: 'x' },
  ],
};

describe('rights to secrets', () => {
  const rights = { keys: ['a'], prefixes: ['b/'] };
  const view = viewWith(submitted('t', { secretRights: rights }), dispatched(aLease(0)));
  const asked = { taskId: 't', instance: 0, leaseId: '0/1', node: 'node-1' };

  it('are told of a lease that is current on the node that asks, and of no other', () => {
    expect(secretRightsOf(view, asked)).toMatchObject({ current: true, ...rights });
    for (const other of [{ node: 'node-2' }, { leaseId: '0/2' }, { instance: 1 }, { taskId: 'u' }])
      expect(secretRightsOf(view, { ...asked, ...other })).toEqual({ current: false });
  });

  it('are none where the task asked for none', () =>
    expect(secretRightsOf(viewWith(submitted('t'), dispatched(aLease(0))), asked)).toMatchObject({
      current: true,
      keys: [],
      prefixes: [],
    }));
});

describe('a grant', () => {
  it('is refused with the reason when the secrets were sealed with a master key that is lost', () => {
    const [before, now] = [new Sealer(Buffer.alloc(32, 1)), new Sealer(Buffer.alloc(32, 2))];
    const { wrapped, key } = before.newDataKey();
    const constants = [{ key: 'QARNOT_SECRET_A', sealed: before.seal(key, 'hush') }];
    const view = viewWith(submitted('t', { constants, wrappedKey: wrapped }), dispatched(aLease(0)));
    const request = { taskId: 't', instance: 0, leaseId: '0/1' };
    const grantWith = (sealer: Sealer) => grantLease(view, 'node-1', request, { secrets: sealer, sign, now: 1_000 });
    expect(grantWith(before)).toMatchObject({ granted: true, secrets: { QARNOT_SECRET_A: 'hush' } });
    expect(grantWith(now)).toEqual({ granted: false, reason: expect.stringMatching(/key that is lost.*again/) });
  });

  it('opens constants with the key that is kept outside of the log: for their own task, and while it is there', () => {
    const sealer = new Sealer(Buffer.alloc(32, 1));
    const { wrapped: keptKey, key } = sealer.newDataKey(dataKeyIdentity('k1'));
    const wrappedKey = referenceTo('k1');
    const envelope = sealer.seal(key, 'hush', constantIdentity('t', wrappedKey, 'QARNOT_SECRET_A'));
    const grantOf = (taskId: string, name: string, kept: string | null) => {
      const constants = [{ key: name, sealed: envelope }];
      const view = viewWith(submitted(taskId, { constants, wrappedKey }), dispatched(aLease(0)));
      const options = { secrets: sealer, sign, now: 1_000, keptKey: kept };
      return () => grantLease(view, 'node-1', { taskId, instance: 0, leaseId: '0/1' }, options);
    };
    expect(grantOf('t', 'QARNOT_SECRET_A', keptKey)()).toMatchObject({ secrets: { QARNOT_SECRET_A: 'hush' } });
    expect(grantOf('t', 'QARNOT_SECRET_A', null)()).toMatchObject({
      granted: false,
      reason: expect.stringContaining('a key that is lost'),
    });
    expect(grantOf('t', 'QARNOT_SECRET_B', keptKey)).toThrow();
  });

  it('opens the sealed constants of a current lease, and only those', () => {
    expect(grant(viewWith(submitted('t', sealed), dispatched(aLease(0))))).toMatchObject({
      granted: true,
      secrets: { QARNOT_SECRET_A: 'HUSH' },
    });
  });

  it('names the inputs that the instance is pinned to, for it alone, on nodes that keep to them', () => {
    const pin = {
      inputs: [
        { instances: '1-3', digest: 'b' },
        { instances: '0,5', digest: 'a' },
      ],
    };
    const view = viewWith(submitted('t', { pin }), dispatched(aLease(0)));
    const request = { taskId: 't', instance: 0, leaseId: '0/1' } as const;
    const options = { secrets, sign, now: 1_000 };
    expect(grantLease(view, 'node-1', { ...request, takesPin: true }, options)).toMatchObject({
      granted: true,
      pin: 'a',
    });
    expect(signed.at(-1)).toMatchObject({ pin: 'a' });
    expect(grantLease(view, 'node-1', request, options)).toMatchObject({
      granted: false,
      reason: expect.stringContaining('too old for pinned inputs'),
    });
    const other = viewWith(submitted('t', { pin: { inputs: [] } }), dispatched(aLease(0)));
    expect(grantLease(other, 'node-1', { ...request, takesPin: true }, options)).toMatchObject({ granted: false });
  });

  it('of a task with rights to secrets is given to agents that ask for these, and to no others', () => {
    const view = viewWith(submitted('t', { secretRights: { keys: ['a'], prefixes: [] } }), dispatched(aLease(0)));
    const request = { taskId: 't', instance: 0, leaseId: '0/1' } as const;
    const options = { secrets, sign, now: 1_000 };
    expect(grantLease(view, 'node-1', { ...request, takesSecrets: true }, options)).toMatchObject({ granted: true });
    expect(grantLease(view, 'node-1', request, options)).toEqual({
      granted: false,
      reason: expect.stringContaining('too old for secrets'),
    });
  });

  it('lets the lease read its inputs and write its results, nothing else', () => {
    grant(
      viewWith(
        submitted('t', {
          resources: [{ bucket: 'in', prefix: 'p/', stripPrefix: 'p/' }],
          resultBucket: 'out',
          resultsPrefix: 'r/',
        }),
        dispatched(aLease(0)),
      ),
    );
    expect(signed.at(-1)).toMatchObject({
      read: [{ bucket: 'in', prefix: 'p/' }],
      results: { bucket: 'out', prefix: 'r/' },
      snapshot: null,
      owner: 'ada',
    });
  });

  it('lets each instance read its own inputs, and says which these are', () => {
    const resources = [{ bucket: 'in', prefix: '${SET}/${INSTANCE_ID}/', stripPrefix: '${SET}/' }, { bucket: 'all' }];
    const constants = [{ key: 'SET', value: 'a' }];
    const view = viewWith(submitted('t', { resources, constants, instances: '0-3' }), dispatched(aLease(3)));
    const given = grantLease(view, 'node-1', { taskId: 't', instance: 3, leaseId: '3/1' }, { secrets, sign, now: 1 });
    expect(given).toMatchObject({
      inputs: [{ bucket: 'in', prefix: 'a/3/', stripPrefix: 'a/' }, { bucket: 'all' }],
    });
    expect(signed.at(-1)?.read).toEqual([{ bucket: 'in', prefix: 'a/3/' }, { bucket: 'all' }]);
  });

  it('lets each instance write into the folder of its own, with an agent that takes it from the grant', () => {
    const view = viewWith(
      submitted('t', { resultBucket: 'out', resultsPrefix: 'run-${INSTANCE_ID}', instances: '0-3' }),
      dispatched(aLease(3)),
    );
    const request = { taskId: 't', instance: 3, leaseId: '3/1' };
    const given = grantLease(view, 'node-1', { ...request, takesRow: true }, { secrets, sign, now: 1 });
    expect(given).toMatchObject({ granted: true, resultsFolder: 'run-3/' });
    expect(signed.at(-1)?.results).toEqual({ bucket: 'out', prefix: 'run-3/' });
    expect(grantLease(view, 'node-1', request, { secrets, sign, now: 1 })).not.toHaveProperty('resultsFolder');
    expect(signed.at(-1)?.results).toEqual({ bucket: 'out', prefix: 'run-${INSTANCE_ID}' });
  });

  it('tells an instance its row of the table, which fills in its inputs and its folder', () => {
    const table = { digest: 'd', columns: ['PART'], rows: 4 };
    const spec = {
      table,
      instances: '0-3',
      constants: [{ key: 'SET', value: 'a/${PART}' }],
      resources: [{ bucket: 'in', prefix: '${SET}/' }],
      resultBucket: 'out',
      resultsPrefix: '${PART}/${INSTANCE_ID}',
    };
    const view = viewWith(submitted('t', spec), dispatched(aLease(3)));
    const request = { taskId: 't', instance: 3, leaseId: '3/1', takesRow: true } as const;
    const row = { PART: 'third' };
    expect(grantLease(view, 'node-1', request, { secrets, sign, now: 1, row })).toMatchObject({
      row,
      inputs: [{ bucket: 'in', prefix: 'a/third/' }],
      resultsFolder: 'third/3/',
    });
    expect(signed.at(-1)).toMatchObject({
      read: [{ bucket: 'in', prefix: 'a/third/' }],
      results: { bucket: 'out', prefix: 'third/3/' },
    });
    const { takesRow: _, ...earlier } = request;
    expect(grantLease(view, 'node-1', earlier, { secrets, sign, now: 1, row })).toMatchObject({
      granted: false,
      reason: expect.stringContaining('too old for tables'),
    });
    expect(grantLease(view, 'node-1', request, { secrets, sign, now: 1, row: null })).toMatchObject({
      granted: false,
      reason: expect.stringContaining('is lost'),
    });
  });

  it('is refused with the reason where places are too long for a header, as references of a row can make them', () => {
    const spec = {
      table: { digest: 'd', columns: ['A', 'B'], rows: 4 },
      instances: '0-3',
      resources: [{ bucket: 'in', prefix: '${A}/' }],
      resultBucket: 'out',
    };
    const view = viewWith(submitted('t', spec), dispatched(aLease(3)));
    const request = { taskId: 't', instance: 3, leaseId: '3/1', takesRow: true } as const;
    const grantFor = (length: number) =>
      grantLease(view, 'node-1', request, {
        secrets,
        sign,
        now: 1,
        row: { A: '${B}'.repeat(10), B: 'x'.repeat(length) },
      });
    expect(grantFor(900)).toMatchObject({ granted: true });
    expect(grantFor(1_000)).toEqual({
      granted: false,
      reason: expect.stringMatching(/^the prefixes .* the most is 10000$/),
    });
  });

  it('is still given while a cancelled instance ends, so that its results can be uploaded', () => {
    expect(grant(viewWith(submitted('t'), dispatched(aLease(0)), started(aRef(0)), cancelRequested)).granted).toBe(
      true,
    );
  });

  it.each([
    ['another node', () => grant(viewWith(submitted('t'), dispatched(aLease(0))), 'node-2')],
    ['another lease', () => grant(viewWith(submitted('t'), dispatched(aLease(0))), 'node-1', '0/9')],
    ['a lease that is over', () => grant(viewWith(submitted('t'), dispatched(aLease(0)), concluded(anEnd(0))))],
    ['a task that is not known', () => grant(new SchedulerView())],
  ])('is refused to %s', (_who, ask) => {
    expect(ask().granted).toBe(false);
  });
});
