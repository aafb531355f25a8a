import { Inject, Injectable } from '@nestjs/common';
import { RPC, leaseStatusReplySchema } from '@fornax/contracts';
import { CLOCK } from '@fornax/service-kit';
import { AccountDirectory } from '@fornax/identity';
import { RpcClient, type Clock } from '@fornax/base';
import { QuotaGate } from '../buckets/quota-gate.js';
import { StorageUsage } from '../buckets/storage-usage.js';
import { LeaseGate } from './lease-gate.js';

const LEASE_STATUS_TIMEOUT_MS = 2_000;

/** What stands between a verified request and the store. */
@Injectable()
export class StorageGates {
  readonly leases: LeaseGate;
  readonly quotas: QuotaGate;

  constructor(rpc: RpcClient, accounts: AccountDirectory, usage: StorageUsage, @Inject(CLOCK) clock: Clock) {
    const now = (): number => clock.now();
    this.leases = new LeaseGate({
      now,
      isCurrent: async (lease) =>
        (await rpc.request(RPC.leaseStatus, lease, leaseStatusReplySchema, LEASE_STATUS_TIMEOUT_MS)).current,
    });
    this.quotas = new QuotaGate({
      now,
      maxBytes: (owner) => accounts.byId(owner)?.quotas.maxStorageBytes,
      usedBytes: async (owner) => (await usage.of(owner)).usedBytes,
    });
  }
}
