import { Inject, Injectable } from '@nestjs/common';
import type { Actor, CommitMeta } from '@fornax/contracts';
import { type BucketCommand, bucketDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import type { ObjectStore } from '@fornax/object-store';
import { noSuchBucket, s3Error } from '@fornax/s3';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { AccountDirectory } from '@fornax/identity';
import { activeTraceparent, newId, type Clock } from '@fornax/base';
import { StorageReads } from '../reading/storage-reads.js';
import type { StorageConfig } from '../config/storage.config.js';
import { OBJECT_STORE, STORAGE_CONFIG } from '../config/tokens.js';
import { BucketCatalog } from './bucket-catalog.js';
import { isBucketName, isStrictBucketName } from '../model/bucket-names.js';
import type { Bucket, BucketPort } from '../model/bucket.js';

/** Who asks, for the record. */
export interface Cause {
  readonly actor: Actor;
  readonly correlationId: string;
}

const metaOf = ({ actor, correlationId }: Cause, owner: string): CommitMeta => {
  const traceparent = activeTraceparent();
  const onBehalfOf = `user:${owner}` as const;
  return {
    actor,
    ...(actor === onBehalfOf ? {} : { onBehalfOf }),
    source: 'storage',
    correlationId,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};

/** Creates and deletes buckets; the log decides whose a name is. */
@Injectable()
export class BucketCommands implements BucketPort {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly catalog: BucketCatalog,
    private readonly reads: StorageReads,
    private readonly accounts: AccountDirectory,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    @Inject(STORAGE_CONFIG) private readonly config: Pick<StorageConfig, 'bucketNames'>,
  ) {}

  #mayBeMade(name: string): boolean {
    return isBucketName(name) && (this.config.bucketNames === 'plain' || isStrictBucketName(name));
  }

  async find(name: string): Promise<Bucket | undefined> {
    const found = await this.catalog.find(name);
    if (found) return found;
    await this.reads.catchUp();
    return this.catalog.find(name);
  }

  ownedBy(owner: string): Promise<readonly Bucket[]> {
    return this.catalog.ownedBy(owner);
  }

  async create(
    owner: string,
    name: string,
    cause: Cause = { actor: `user:${owner}`, correlationId: newId() },
  ): Promise<void> {
    if (!this.#mayBeMade(name))
      throw s3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
    // Clients create their buckets again at every start: one that is the owner's already costs no look at the log.
    if ((await this.catalog.find(name))?.owner === owner) return;
    const maxBuckets = this.accounts.byId(owner)?.quotas.maxBuckets;
    if (maxBuckets !== undefined && (await this.catalog.ownedBy(owner)).length >= maxBuckets) {
      throw s3Error('TooManyBuckets', 'You have attempted to create more buckets than allowed.');
    }
    await this.#decide(name, { type: 'CreateBucket', bucket: name, owner, at: this.clock.now() }, cause);
  }

  /** An object that is put while the bucket is being deleted goes with it. */
  async remove(
    owner: string,
    name: string,
    cause: Cause = { actor: `user:${owner}`, correlationId: newId() },
  ): Promise<void> {
    const { objects } = await this.store.list(name, { limit: 1 });
    if (objects.length > 0)
      throw s3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: name });
    await this.#decide(name, { type: 'DeleteBucket', owner, at: this.clock.now() }, cause);
  }

  async #decide(name: string, command: BucketCommand, cause: Cause): Promise<void> {
    try {
      const { sequence } = await decideAndAppend({
        log: this.log,
        aggregate: 'bucket',
        id: name,
        decider: bucketDecider,
        command,
        commitId: newId(command.at),
        meta: metaOf(cause, command.owner),
        at: command.at,
      });
      await this.reads.waitFor(sequence);
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error;
      if (error.rejection.code === 'bucket-not-found') throw noSuchBucket(name);
      throw s3Error(
        'BucketAlreadyExists',
        'The requested bucket name is not available.',
        { BucketName: name },
        { cause: error },
      );
    }
  }
}
