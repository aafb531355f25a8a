import { Inject, Injectable } from '@nestjs/common';
import { s3Error } from '@fornax/s3';
import { AccountDirectory } from '@fornax/identity';
import type { StorageConfig } from '../config/storage.config.js';
import { STORAGE_CONFIG } from '../config/tokens.js';
import { isBucketName, isStrictBucketName } from '../model/bucket-names.js';
import { BucketCatalog } from './bucket-catalog.js';

/** Which buckets an account may make. */
@Injectable()
export class BucketRules {
  constructor(
    @Inject(STORAGE_CONFIG) private readonly config: Pick<StorageConfig, 'bucketNames'>,
    private readonly accounts: AccountDirectory,
    private readonly catalog: BucketCatalog,
  ) {}

  /** @throws S3Error InvalidBucketName */
  checkName(name: string): void {
    if (isBucketName(name) && (this.config.bucketNames === 'plain' || isStrictBucketName(name))) return;
    throw s3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
  }

  /** @throws S3Error TooManyBuckets */
  async checkRoom(owner: string): Promise<void> {
    const maxBuckets = this.accounts.byId(owner)?.quotas.maxBuckets;
    if (maxBuckets !== undefined && (await this.catalog.ownedBy(owner)).length >= maxBuckets)
      throw s3Error('TooManyBuckets', 'You have attempted to create more buckets than allowed.');
  }
}
