import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore } from '@fornax/object-store';
import { s3Error } from '@fornax/s3';
import { newId } from '@fornax/base';
import { OBJECT_STORE } from '../config/tokens.js';
import type { BucketAccess } from '../model/bucket-access.js';
import type { Bucket, BucketPort } from '../model/bucket.js';
import { StorageReads } from '../reading/storage-reads.js';
import { BucketCatalog } from './bucket-catalog.js';
import { BucketDecisions, type Cause } from './bucket-decisions.js';
import { BucketRules } from './bucket-rules.js';

const causeOf = (owner: string): Cause => ({ actor: `user:${owner}`, correlationId: newId() });

/** Creates, deletes and finds buckets. */
@Injectable()
export class BucketCommands implements BucketPort {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly rules: BucketRules,
    private readonly decisions: BucketDecisions,
    private readonly reads: StorageReads,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  async find(name: string): Promise<Bucket | undefined> {
    let found = await this.catalog.find(name);
    if (!found) {
      await this.reads.catchUpRows();
      found = await this.catalog.find(name);
    }
    if (found?.isBeingMade !== true) return found;
    await this.reads.catchUp();
    const made = await this.catalog.find(name);
    // What another bucket of this name left must not be seen, and what is stored now must not go with it.
    if (made?.isBeingMade === true) throw s3Error('SlowDown', 'The bucket is still being made: please try again.');
    return made;
  }

  lostResultsOf(leaseId: string): Promise<string | undefined> {
    return this.catalog.lostResultsOf(leaseId);
  }

  accessOf(account: string | undefined, bucket: Bucket): BucketAccess | undefined {
    return this.rules.accessOf(account, bucket);
  }

  servesFor(account: string, bucket: Bucket): boolean {
    return this.rules.servesFor(account, bucket);
  }

  ownedBy(owner: string): Promise<readonly Bucket[]> {
    return this.catalog.ownedBy(owner);
  }

  async create(owner: string, name: string, cause: Cause = causeOf(owner)): Promise<void> {
    this.rules.checkName(name);
    // Clients create their buckets again at every start: one that is the owner's already costs no look at the log.
    // So are those that are shared within an organization: clients make each bucket again that a task of theirs names.
    const known = await this.catalog.find(name);
    if (known && this.rules.servesFor(owner, known)) return;
    const projectId = this.rules.projectOf(owner);
    const command = {
      type: 'CreateBucket',
      bucket: name,
      owner,
      ...(projectId === undefined ? {} : { projectId }),
    } as const;
    const room = await this.rules.takeRoom(owner, projectId);
    try {
      await this.reads.waitForRows(await this.decisions.decide(command, name, cause));
      room.stored();
    } finally {
      room.release();
    }
  }

  /** An object that is put while the bucket is being deleted goes with it. */
  async remove(owner: string, name: string, cause: Cause = causeOf(owner)): Promise<void> {
    const { objects } = await this.store.list(name, { limit: 1 });
    if (objects.length > 0)
      throw s3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
    await this.reads.waitForRows(await this.decisions.decide({ type: 'DeleteBucket', owner }, name, cause));
  }
}
