import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore } from '@fornax/object-store';
import { S3Error, s3Error } from '@fornax/s3';
import { eachLimited, newId } from '@fornax/base';
import { OBJECT_STORE } from '../config/tokens.js';
import type { BucketAccess } from '../model/bucket-access.js';
import type { Bucket, BucketPort, TaskOwner } from '../model/bucket.js';
import { StorageReads } from '../reading/storage-reads.js';
import { BucketCatalog } from './bucket-catalog.js';
import { BucketDecisions, type Cause } from './bucket-decisions.js';
import { BucketRules } from './bucket-rules.js';
import type { Room } from './quota-gate.js';

const causeOf = (owner: string): Cause => ({ actor: `user:${owner}`, correlationId: newId() });

/** A bucket that cannot be made, and why. */
export interface RefusedBucket {
  readonly bucket: string;
  readonly reason: string;
}

interface PlannedBucket {
  readonly name: string;
  readonly projectId: string | undefined;
  readonly room: Room;
}

/** Buckets made together. */
const AT_ONCE = 16;

const unlessRefused = async (bucket: string, refused: RefusedBucket[], step: () => Promise<void>): Promise<void> => {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof S3Error) || error.status >= 500) throw error;
    refused.push({ bucket, reason: error.message });
  }
};

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

  async ownerOfTask(taskId: string): Promise<TaskOwner | undefined> {
    const known = await this.catalog.ownerOfTask(taskId);
    if (known !== undefined) return known;
    await this.reads.catchUpTaskOwners();
    return this.catalog.ownerOfTask(taskId);
  }

  accessOf(account: string | undefined, bucket: Bucket): BucketAccess | undefined {
    return this.rules.accessOf(account, bucket);
  }

  servesFor(account: string, bucket: Bucket): boolean {
    return this.rules.servesFor(account, bucket);
  }

  isSeenBy(reader: string, bucket: Bucket): boolean {
    return this.rules.isSeenBy(reader, bucket);
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
    await this.make(owner, { name, projectId, room: await this.rules.takeRoom(owner, projectId) }, cause);
  }

  /**
   * Makes buckets that there are not, all or none: there is room for every one of them before the first is made.
   * @returns those that are refused, and why; another account that takes one of the names meanwhile is the only reason for which others are made
   */
  async createAll(owner: string, names: readonly string[], cause: Cause): Promise<readonly RefusedBucket[]> {
    const projectId = this.rules.projectOf(owner);
    const planned: PlannedBucket[] = [];
    const refused: RefusedBucket[] = [];
    try {
      for (const name of names)
        await unlessRefused(name, refused, async () => {
          this.rules.checkName(name);
          planned.push({ name, projectId, room: await this.rules.takeRoom(owner, projectId) });
        });
      if (refused.length > 0) return refused;
      await eachLimited(planned, AT_ONCE, (bucket) =>
        unlessRefused(bucket.name, refused, () => this.make(owner, bucket, cause)),
      );
      return refused;
    } finally {
      for (const { room } of planned) room.release();
    }
  }

  private async make(owner: string, { name, projectId, room }: PlannedBucket, cause: Cause): Promise<void> {
    const project = projectId === undefined ? {} : { projectId };
    try {
      const command = { type: 'CreateBucket', bucket: name, owner, ...project } as const;
      await this.reads.waitForRows(await this.decisions.decide(command, name, cause));
      room.stored();
    } finally {
      room.release();
    }
  }

  /**
   * Deletes a bucket in which nothing is. What is written at the same time is refused, or refuses the deletion.
   * @throws S3Error BucketNotEmpty, NoSuchBucket
   */
  async remove(owner: string, name: string, cause: Cause = causeOf(owner)): Promise<void> {
    const decide = (): Promise<number> => this.decisions.decide({ type: 'DeleteBucket', owner }, name, cause);
    await this.reads.waitForRows(await this.store.deleteEmpty(name, decide));
  }
}
