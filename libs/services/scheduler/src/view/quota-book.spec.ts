import { beforeEach, describe, expect, it } from '@jest/globals';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { AccountEvent, ComputingQuotas, SchedulingPlan } from '@fornax/domain';
import { aCommit, aLease, anEnd, concluded, dispatched, nodeJoined, submitted } from '@fornax/testing';
import { planRound } from './round.js';
import { SchedulerView } from './scheduler-view.js';

const wide = { maxInstances: 1_000, maxCores: 1_000 };
const account = (accountId: string, quotas: ComputingQuotas = wide, organisationId?: string): AccountEvent => ({
  type: 'AccountCreated',
  accountId,
  email: `${accountId}@example.org`,
  role: 'user',
  quotas: { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, ...quotas },
  ...(organisationId === undefined ? {} : { organisationId }),
  at: 1,
});
const organisation = (organisationId: string, quotas: ComputingQuotas): AccountEvent => ({
  type: 'OrganisationCreated',
  organisationId,
  name: organisationId,
  quotas,
  at: 1,
});

describe('the quota book', () => {
  let view: SchedulerView;
  let sequence = 0;
  const happen = (aggregate: RecordedCommit['aggregate'], aggregateId: string, ...events: readonly FornaxEvent[]) => {
    sequence += 1;
    return view.fold({ ...aCommit(`c-${sequence}`, events), sequence, aggregate, aggregateId });
  };
  const waits = (owner: string, plan: SchedulingPlan = 'flex') =>
    happen('task', `${owner}-${plan}`, submitted(`${owner}-${plan}`, { instances: '0-9', plan }, owner));
  /** Tasks of one round, with how many of their instances it places. */
  const round = (): Readonly<Record<string, number>> => {
    const { dispatches } = planRound(view, { maxPlacements: 100, newLeaseId: () => 'l', isBusy: () => false, now: 0 });
    return Object.fromEntries([...dispatches].map(([task, leases]) => [task, leases.length]));
  };
  beforeEach(() => {
    view = new SchedulerView();
    sequence = 0;
    happen('node', 'n', nodeJoined('n', { cores: 100, memoryMB: 1_000_000 }));
  });

  it('holds an account to its quotas of today', () => {
    happen('account', 'ada', account('ada', { maxInstances: 3, maxCores: 100 }));
    waits('ada');
    expect(round()).toEqual({ 'ada-flex': 3 });
    const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 5, maxCores: 4 };
    expect(happen('account', 'ada', { type: 'QuotasChanged', accountId: 'ada', quotas, at: 2 }).wakes).toBe(true);
    expect(round()).toEqual({ 'ada-flex': 4 });
  });

  it('holds each plan to its own ceiling, within that of the whole', () => {
    const quotas = { maxInstances: 7, maxCores: 100, onDemand: { maxInstances: 4, maxCores: 100 } };
    happen('account', 'ada', account('ada', quotas));
    waits('ada', 'onDemand');
    waits('ada', 'flex');
    expect(round()).toEqual({ 'ada-onDemand': 4, 'ada-flex': 3 });
    happen('task', 'ada-onDemand', dispatched(aLease(0, { node: 'n' }), aLease(1, { node: 'n' })));
    expect(round()).toEqual({ 'ada-onDemand': 2, 'ada-flex': 3 });
    happen('task', 'ada-onDemand', concluded(anEnd(0, { node: 'n' })));
    expect(round()).toEqual({ 'ada-onDemand': 3, 'ada-flex': 3 });
  });

  it('holds all members of an organisation to one ceiling, and nobody else', () => {
    happen('account', 'acme', organisation('acme', { maxInstances: 6, maxCores: 100 }));
    happen('account', 'ada', account('ada', wide, 'acme'));
    happen('account', 'bob', account('bob', wide, 'acme'));
    happen('account', 'eve', account('eve'));
    for (const owner of ['ada', 'bob', 'eve']) waits(owner);
    expect(round()).toEqual({ 'ada-flex': 3, 'bob-flex': 3, 'eve-flex': 10 });
    happen('task', 'ada-flex', dispatched(...[0, 1, 2, 3].map((instance) => aLease(instance, { node: 'n' }))));
    expect(round()).toEqual({ 'bob-flex': 2, 'eve-flex': 10 });
    const quotas = { maxInstances: 5, maxCores: 100, flex: { maxInstances: 100, maxCores: 5 } };
    happen('account', 'acme', { type: 'OrganisationQuotasChanged', organisationId: 'acme', quotas, at: 2 });
    expect(round()).toEqual({ 'bob-flex': 1, 'eve-flex': 10 });
    const left: AccountEvent = { type: 'OrganisationChanged', accountId: 'bob', organisationId: null, at: 3 };
    expect(happen('account', 'bob', left).wakes).toBe(true);
    expect(round()).toEqual({ 'ada-flex': 1, 'bob-flex': 10, 'eve-flex': 10 });
  });
});
