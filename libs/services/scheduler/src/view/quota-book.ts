import type { RecordedCommit } from '@fornax/contracts';
import {
  maxRunningPoolsOf,
  type AccountEvent,
  type AccountQuotas,
  type Ceiling,
  type ComputingQuotas,
  type OwnerUsage,
  type SchedulingPlan,
  type SchedulingPolicy,
} from '@fornax/domain';
import type { LeaseBook } from './lease-book.js';

/** What an account, or an organization, may run at once. */
export interface QuotaEntry {
  readonly quotas: ComputingQuotas & Pick<AccountQuotas, 'maxPools' | 'maxRunningPools'>;
  /** Null for an organization, and for an account that belongs to none. */
  readonly organisationId: string | null;
}

const plansOf = ({ flex, onDemand }: ComputingQuotas, plan: SchedulingPlan) =>
  plan === 'flex' ? flex : plan === 'onDemand' ? onDemand : undefined;

const keyOf = (id: string, plan: SchedulingPlan): string => `${id} ${plan}`;
const NOTHING: OwnerUsage = { instances: 0, cores: 0 };

/** Quotas of accounts and organizations, each under its own id, and who belongs where: what a round must stay below. */
export class QuotaBook {
  private readonly entries = new Map<string, QuotaEntry>();
  /** Ceilings of accounts as a whole. Most have no others, and then nothing more is looked at. */
  private readonly limits = new Map<string, ComputingQuotas>();
  private readonly withMore = new Set<string>();

  all(): ReadonlyMap<string, QuotaEntry> {
    return this.entries;
  }

  put(id: string, entry: QuotaEntry): void {
    this.entries.set(id, entry);
    this.limits.set(id, entry.quotas);
    const { quotas, organisationId } = entry;
    if (organisationId !== null || quotas.flex !== undefined || quotas.onDemand !== undefined) this.withMore.add(id);
    else this.withMore.delete(id);
  }

  /** @returns whether something may run now that might not before */
  fold(commit: RecordedCommit): boolean {
    let wakes = false;
    // The aggregate's name in the subject is what makes these account events.
    for (const event of commit.events as readonly AccountEvent[]) {
      switch (event.type) {
        case 'AccountCreated':
          this.put(event.accountId, { quotas: event.quotas, organisationId: event.organisationId ?? null });
          break;
        case 'OrganisationCreated':
          this.put(event.organisationId, { quotas: event.quotas, organisationId: null });
          break;
        case 'QuotasChanged':
          wakes = this.change(event.accountId, { quotas: event.quotas }) || wakes;
          break;
        case 'OrganisationQuotasChanged':
          wakes = this.change(event.organisationId, { quotas: event.quotas }) || wakes;
          break;
        case 'OrganisationChanged':
          wakes = this.change(event.accountId, { organisationId: event.organisationId }) || wakes;
          break;
        default:
      }
    }
    return wakes;
  }

  /** What this says of a round, given what runs now. */
  policy(leases: LeaseBook): Omit<SchedulingPolicy, 'maxPlacements'> {
    const whole = { ownerLimits: this.limits, ownerUsage: leases.usageOfOwners() };
    if (this.withMore.size === 0) return whole;
    return {
      ...whole,
      ceilingsOf: (owner, plan) => this.ceilingsOf(owner, plan),
      ceilingUsage: this.usage(leases),
    };
  }

  /** How many pools of an account may have slots at once. */
  maxRunningPools(owner: string): number {
    const entry = this.entries.get(owner);
    return entry ? maxRunningPoolsOf(entry.quotas) : Infinity;
  }

  private change(id: string, change: Partial<QuotaEntry>): boolean {
    const known = this.entries.get(id);
    if (known) this.put(id, { ...known, ...change });
    return known !== undefined;
  }

  private ceilingsOf(owner: string, plan: SchedulingPlan): readonly Ceiling[] {
    const entry = this.withMore.has(owner) ? this.entries.get(owner) : undefined;
    if (!entry) return [];
    const ceilings: Ceiling[] = [];
    const own = plansOf(entry.quotas, plan);
    if (own) ceilings.push({ ...own, key: keyOf(owner, plan), of: `the account in the plan ${plan}` });
    const { organisationId } = entry;
    const organisation = organisationId === null ? undefined : this.entries.get(organisationId);
    if (organisationId === null || !organisation) return ceilings;
    const { maxInstances, maxCores } = organisation.quotas;
    ceilings.push({ maxInstances, maxCores, key: organisationId, of: 'the organization' });
    const shared = plansOf(organisation.quotas, plan);
    if (shared)
      ceilings.push({ ...shared, key: keyOf(organisationId, plan), of: `the organization in the plan ${plan}` });
    return ceilings;
  }

  /** What runs under every ceiling, by its key; of organizations, what all members run together. */
  private usage(leases: LeaseBook): ReadonlyMap<string, OwnerUsage> {
    const sums = new Map<string, OwnerUsage>();
    const add = (key: string, { instances, cores }: OwnerUsage): void => {
      const sum = sums.get(key) ?? NOTHING;
      sums.set(key, { instances: sum.instances + instances, cores: sum.cores + cores });
    };
    for (const { owner, plan, usage } of leases.usageByPlan()) {
      if (!this.withMore.has(owner)) continue;
      add(keyOf(owner, plan), usage);
      const organisationId = this.entries.get(owner)?.organisationId ?? null;
      if (organisationId === null) continue;
      add(organisationId, usage);
      add(keyOf(organisationId, plan), usage);
    }
    return sums;
  }
}
