import { Injectable } from '@nestjs/common';
import {
  int32,
  type WireOrganizationQuotas,
  type WireQuota,
  type WireRunningCounts,
  type WireUserQuotas,
} from '@fornax/contracts';
import { quotasOfPlan, type ComputingQuotas } from '@fornax/domain';
import { AccountDirectory, type Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { sumOf, type Running, type RunningOf } from '../model/running.js';
import { RunningCounts } from './running-counts.js';

const countsOf = ({ instances, cores }: Running): WireRunningCounts => ({
  runningInstancesCount: int32(instances),
  runningCoresCount: int32(cores),
  runningCoreCount: int32(cores),
});

type Plan = 'flex' | 'onDemand';
const inPlan = (running: readonly RunningOf[], plan: Plan): readonly RunningOf[] =>
  running.filter((part) => part.plan === plan);

const quotaOf = (quotas: ComputingQuotas, plan: Plan, running: readonly RunningOf[]): WireQuota => {
  const { maxInstances, maxCores } = quotasOfPlan(quotas, plan);
  return { maxInstances: int32(maxInstances), maxCores: int32(maxCores), ...countsOf(sumOf(inPlan(running, plan))) };
};

/** Nobody has reservations yet, so the list of theirs is empty. */
export const planQuotas = (quotas: ComputingQuotas, running: readonly RunningOf[]): WireUserQuotas => ({
  flex: quotaOf(quotas, 'flex', running),
  onDemand: quotaOf(quotas, 'onDemand', running),
  reserved: [],
});

/** What an organization may run and runs, all its members together. */
@Injectable()
export class OrganisationQuotas {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly running: RunningCounts,
  ) {}

  /** Null for an account that belongs to none. */
  async summary({ organisationId }: Account): Promise<({ readonly name: string } & WireUserQuotas) | null> {
    const organisation = organisationId === null ? undefined : this.accounts.organisation(organisationId);
    if (!organisation) return null;
    const members = this.accounts.membersOf(organisation.id).map(({ id }) => id);
    return { name: organisation.name, ...planQuotas(organisation.quotas, await this.running.of(members)) };
  }

  /**
   * With what each member runs, for those who may look at what members have; null for the others.
   * @throws NotFound for an account that belongs to none
   */
  async details({ organisationId, role }: Account): Promise<WireOrganizationQuotas> {
    const organisation = organisationId === null ? undefined : this.accounts.organisation(organisationId);
    if (!organisation) throw new NotFound('This account belongs to no organization', { code: 'no-organization' });
    const emails = new Map(this.accounts.membersOf(organisation.id).map(({ id, email }) => [id, email]));
    const running = await this.running.of([...emails.keys()]);
    const perUser = (plan: Plan) =>
      role === 'user'
        ? null
        : Object.fromEntries(
            inPlan(running, plan).map((part) => [emails.get(part.owner) ?? part.owner, countsOf(part)]),
          );
    const { flex, onDemand } = planQuotas(organisation.quotas, running);
    return {
      name: organisation.name,
      flex: { ...flex, runningCountsPerUser: perUser('flex') },
      onDemand: { ...onDemand, runningCountsPerUser: perUser('onDemand') },
      reserved: [],
    };
  }
}
