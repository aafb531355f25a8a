import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore } from '@fornax/object-store';
import { StorageIdentities } from '../access/storage-identities.js';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { OBJECT_STORE } from '../config/tokens.js';
import { DoorReads } from './door-reads.js';
import type { S3Parts } from '../s3/exchange.js';
import { DoorChecks } from './door-checks.js';

/** What the protocol stands on in this service. */
@Injectable()
export class DoorParts {
  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    private readonly buckets: BucketCommands,
    private readonly identities: StorageIdentities,
    private readonly reads: DoorReads,
    private readonly checks: DoorChecks,
  ) {}

  /** @param endpoint what belongs to one endpoint */
  with(endpoint: Pick<S3Parts, 'baseHosts' | 'observe' | 'onReadAs' | 'onError'>): S3Parts {
    const { store, buckets, identities } = this;
    const { checkStore, checkWritable, checkLease, takeRoom, now } = this.checks;
    const checks = { checkStore, checkWritable, checkLease, takeRoom, now };
    const { catchUp, isOnItsWay, sent } = this.reads;
    return { store, buckets, identities, ...checks, catchUp, isOnItsWay, sent, ...endpoint };
  }
}
