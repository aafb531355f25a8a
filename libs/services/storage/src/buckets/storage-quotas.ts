import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import type { StorageQuotas as Ceilings } from '@fornax/domain';
import { AccountDirectory } from '@fornax/identity';
import { CLOCK } from '@fornax/service-kit';
import type { Amounts, Holder, Payer } from '../model/holder.js';
import { QuotaGate, type Room, type Taking } from './quota-gate.js';
import { StorageUsage } from './storage-usage.js';

/** Counts of objects and bytes are made that often while somebody uploads. */
const COUNT_AGE_MS = 2_000;

const amountsOf = ({ maxBuckets, maxStorageBytes, maxObjects }: Ceilings): Amounts => ({
  ...(maxBuckets === undefined ? {} : { buckets: maxBuckets }),
  ...(maxStorageBytes === undefined ? {} : { bytes: maxStorageBytes }),
  ...(maxObjects === undefined ? {} : { objects: maxObjects }),
});

/** Holds users, projects and organizations to what they may store: what lies in a bucket counts against its owner, its project, and its owner's organization. */
@Injectable()
export class StorageQuotas {
  readonly #uploads: QuotaGate;
  /** A count of buckets costs nothing, and whoever has deleted one may make another one at once. */
  readonly #buckets: QuotaGate;

  constructor(
    private readonly accounts: AccountDirectory,
    usage: StorageUsage,
    @Inject(CLOCK) clock: Clock,
  ) {
    const parts = {
      limits: (holder: Holder) => this.limitsOf(holder),
      nameOf: (holder: Holder) => this.#nameOf(holder),
      now: (): number => clock.now(),
    };
    this.#uploads = new QuotaGate({ ...parts, countAgeMs: COUNT_AGE_MS, used: (holder) => usage.of(holder) });
    this.#buckets = new QuotaGate({
      ...parts,
      countAgeMs: 0,
      used: async (holder) => ({ buckets: (await usage.bucketsOf(holder)).length }),
    });
  }

  /** Takes room for something that is to be stored. @throws S3Error QuotaExceeded */
  take(payer: Payer, taking: Taking): Promise<Room> {
    const { bytes = 0, objects = 0 } = taking.amounts;
    const amounts = payer.isCounted ? { bytes, objects } : { bytes };
    return this.#uploads.take(this.#holders(payer), { ...taking, amounts });
  }

  /** Takes room for one bucket more. @throws S3Error TooManyBuckets */
  takeBucket(payer: Pick<Payer, 'owner' | 'projectId'>): Promise<Room> {
    return this.#buckets.take(this.#holders(payer), { amounts: { buckets: 1 } });
  }

  limitsOf({ kind, id }: Holder): Amounts {
    switch (kind) {
      case 'user':
        return amountsOf(this.accounts.byId(id)?.quotas ?? {});
      case 'project':
        return amountsOf(this.accounts.project(id)?.quotas ?? {});
      case 'organization':
        return amountsOf(this.accounts.organisation(id)?.quotas ?? {});
    }
  }

  #holders({ owner, projectId }: Pick<Payer, 'owner' | 'projectId'>): readonly Holder[] {
    const organization = this.accounts.byId(owner)?.organisationId ?? undefined;
    return [
      { kind: 'user', id: owner },
      ...(projectId === undefined ? [] : [{ kind: 'project', id: projectId } as const]),
      ...(organization === undefined ? [] : [{ kind: 'organization', id: organization } as const]),
    ];
  }

  #nameOf({ kind, id }: Holder): string {
    switch (kind) {
      case 'user':
        return 'the account';
      case 'project':
        return `the project ${JSON.stringify(this.accounts.project(id)?.name ?? id)}`;
      case 'organization':
        return `the organization ${JSON.stringify(this.accounts.organisation(id)?.name ?? id)}`;
    }
  }
}
