import { Inject, Injectable } from '@nestjs/common';
import { RPC, leaseStatusReplySchema } from '@fornax/contracts';
import { CLOCK } from '@fornax/service-kit';
import { RpcClient, type Clock } from '@fornax/base';
import { LeaseGate } from './lease-gate.js';

const LEASE_STATUS_TIMEOUT_MS = 2_000;

/** What stands between a verified request and the store. */
@Injectable()
export class StorageGates {
  readonly leases: LeaseGate;

  constructor(rpc: RpcClient, @Inject(CLOCK) clock: Clock) {
    this.leases = new LeaseGate({
      now: () => clock.now(),
      isCurrent: async (lease) =>
        (await rpc.request(RPC.leaseStatus, lease, leaseStatusReplySchema, LEASE_STATUS_TIMEOUT_MS)).current,
    });
  }
}
