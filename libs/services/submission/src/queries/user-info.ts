import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { RPC, storageUsageReplySchema, type WireUserInfo } from '@fornax/contracts';
import { RpcClient, Unavailable, type Account } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';

/** Clients hold counters in 32 signed bits (contract, section 3). */
const INT32_MAX = 2_147_483_647;
const int32 = (value: number): number => Math.max(0, Math.min(INT32_MAX, Math.round(value)));
const STORAGE_TIMEOUT_MS = 1_000;

interface Counts {
  readonly tasks: string;
  readonly running_tasks: string;
  readonly flex_instances: string;
  readonly flex_cores: string;
  readonly on_demand_instances: string;
  readonly on_demand_cores: string;
}

const COUNTS = `SELECT
  (SELECT count(*) FROM task WHERE owner = $1) AS tasks,
  count(*) FILTER (WHERE running_instances > 0) AS running_tasks,
  coalesce(sum(running_instances) FILTER (WHERE plan = 'flex'), 0) AS flex_instances,
  coalesce(sum(running_cores) FILTER (WHERE plan = 'flex'), 0) AS flex_cores,
  coalesce(sum(running_instances) FILTER (WHERE plan <> 'flex'), 0) AS on_demand_instances,
  coalesce(sum(running_cores) FILTER (WHERE plan <> 'flex'), 0) AS on_demand_cores
  FROM task WHERE owner = $1 AND end_ms IS NULL`;

/** What an account has and may have. */
@Injectable()
export class UserInfo {
  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    private readonly rpc: RpcClient,
  ) {}

  async of({ id, email, quotas }: Account): Promise<WireUserInfo> {
    const [[counts], storage] = await Promise.all([this.db.query<Counts[]>(COUNTS, [id]), this.storageUsage(id)]);
    const maxInstances = int32(quotas.maxInstances);
    const maxCores = int32(quotas.maxCores);
    const flexInstances = int32(Number(counts?.flex_instances ?? 0));
    const flexCores = int32(Number(counts?.flex_cores ?? 0));
    const onDemandInstances = int32(Number(counts?.on_demand_instances ?? 0));
    const onDemandCores = int32(Number(counts?.on_demand_cores ?? 0));
    const quota = (instances: number, cores: number) => ({
      maxInstances,
      maxCores,
      runningInstancesCount: instances,
      runningCoresCount: cores,
      runningCoreCount: cores,
    });
    return {
      email,
      maxBucket: int32(quotas.maxBuckets),
      bucketCount: int32(storage.bucketCount),
      quotaBytesBucket: quotas.maxStorageBytes,
      usedQuotaBytesBucket: storage.usedBytes,
      quotaBytes: quotas.maxStorageBytes,
      usedQuotaBytes: storage.usedBytes,
      maxTask: int32(quotas.maxTasks),
      taskCount: int32(Number(counts?.tasks ?? 0)),
      maxJob: 0,
      jobCount: 0,
      maxPool: 0,
      poolCount: 0,
      maxRunningTask: int32(quotas.maxTasks),
      runningTaskCount: int32(Number(counts?.running_tasks ?? 0)),
      maxRunningPool: 0,
      runningPoolCount: 0,
      runningInstanceCount: flexInstances + onDemandInstances,
      runningCoreCount: flexCores + onDemandCores,
      maxInstances,
      maxCores,
      maxFlexInstances: maxInstances,
      maxFlexCores: maxCores,
      maxOnDemandInstances: maxInstances,
      maxOnDemandCores: maxCores,
      runningFlexInstanceCount: flexInstances,
      runningFlexCoreCount: flexCores,
      runningOnDemandInstanceCount: onDemandInstances,
      runningOnDemandCoreCount: onDemandCores,
      reservedQuotas: [],
      computingQuotas: {
        user: {
          flex: quota(flexInstances, flexCores),
          onDemand: quota(onDemandInstances, onDemandCores),
          reserved: [],
        },
        organization: null,
      },
      projects: [],
      defaultScheduling: 'Flex',
      defaultReservedSpecificationKey: null,
    };
  }

  /** Clients cannot start without this answer, so storage being away must not take it from them. */
  private async storageUsage(owner: string): Promise<{ readonly bucketCount: number; readonly usedBytes: number }> {
    try {
      return await this.rpc.request(RPC.storageUsage, { owner }, storageUsageReplySchema, STORAGE_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof Unavailable) return { bucketCount: 0, usedBytes: 0 };
      throw error;
    }
  }
}
