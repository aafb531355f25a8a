import { Injectable } from '@nestjs/common';
import { int32, RPC, storageUsageReplySchema, type WireUserInfo, type WireUserQuotas } from '@fornax/contracts';
import { AccountDirectory, type Account } from '@fornax/identity';
import { RpcClient, Unavailable } from '@fornax/base';
import { wireProject } from '@fornax/people';
import { OrganisationQuotas, planQuotas, RunningCounts, sumOf } from '@fornax/tasks';
import { HeldObjects } from './held-objects.js';

const STORAGE_TIMEOUT_MS = 1_000;
const MAX_KNOWN = 10_000;

/** What an account has and may have. */
@Injectable()
export class UserInfo {
  readonly #lastKnown = new Map<string, StorageUsage>();

  constructor(
    private readonly running: RunningCounts,
    private readonly organisations: OrganisationQuotas,
    private readonly accounts: AccountDirectory,
    private readonly rpc: RpcClient,
    private readonly held: HeldObjects,
  ) {}

  async quotas({ id, quotas }: Account): Promise<WireUserQuotas> {
    return planQuotas(quotas, await this.running.of([id]));
  }

  async of(account: Account): Promise<WireUserInfo> {
    const { id, email, quotas } = account;
    const [running, held, storage, organization] = await Promise.all([
      this.running.of([id]),
      this.held.of(account),
      this.storageUsage(id),
      this.organisations.summary(account),
    ]);
    const user = planQuotas(quotas, running);
    const all = sumOf(running);
    return {
      email,
      ...storageCounters(quotas, storage),
      ...held,
      runningInstanceCount: int32(all.instances),
      runningCoreCount: int32(all.cores),
      maxInstances: int32(quotas.maxInstances),
      maxCores: int32(quotas.maxCores),
      ...legacyCounters(user),
      computingQuotas: { user, organization },
      projects: this.accounts.usableProjects(id).map(wireProject),
      defaultScheduling: 'Flex',
      defaultReservedSpecificationKey: null,
      fornax: { objectCount: storage.objectCount ?? 0, maxObjects: quotas.maxObjects ?? null },
    };
  }

  /**
   * Clients cannot start without this answer, so while storage is away they get what it said last.
   * @throws Unavailable when that is not known: nothing stored would be a lie
   */
  private async storageUsage(owner: string): Promise<StorageUsage> {
    try {
      const usage = await this.rpc.request(RPC.storageUsage, { owner }, storageUsageReplySchema, STORAGE_TIMEOUT_MS);
      if (this.#lastKnown.size >= MAX_KNOWN) this.#lastKnown.clear();
      this.#lastKnown.set(owner, usage);
      return usage;
    } catch (error) {
      const known = error instanceof Unavailable ? this.#lastKnown.get(owner) : undefined;
      if (known) return known;
      throw error;
    }
  }
}

interface StorageUsage {
  readonly bucketCount: number;
  readonly usedBytes: number;
  readonly objectCount?: number | undefined;
}

const storageCounters = ({ maxBuckets, maxStorageBytes }: Account['quotas'], usage: StorageUsage) => ({
  maxBucket: int32(maxBuckets),
  bucketCount: int32(usage.bucketCount),
  quotaBytesBucket: maxStorageBytes,
  usedQuotaBytesBucket: usage.usedBytes,
  quotaBytes: maxStorageBytes,
  usedQuotaBytes: usage.usedBytes,
});

/** The quotas by plan once more, under the names that older clients read. */
const legacyCounters = ({ flex, onDemand }: WireUserQuotas) => ({
  maxFlexInstances: flex.maxInstances,
  maxFlexCores: flex.maxCores,
  maxOnDemandInstances: onDemand.maxInstances,
  maxOnDemandCores: onDemand.maxCores,
  runningFlexInstanceCount: flex.runningInstancesCount,
  runningFlexCoreCount: flex.runningCoresCount,
  runningOnDemandInstanceCount: onDemand.runningInstancesCount,
  runningOnDemandCoreCount: onDemand.runningCoresCount,
  reservedQuotas: [],
});
