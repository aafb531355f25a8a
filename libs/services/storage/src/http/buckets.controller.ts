import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { bucketListingSchema, type WireBucket } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { z } from 'zod';
import { BucketListing } from '../buckets/bucket-listing.js';
import { StorageReads } from '../reading/storage-reads.js';

/** Buckets beside S3: what S3 has no call for. */
@ApiTags('storage')
@Controller('fornax/v1/buckets')
export class BucketsController {
  constructor(
    private readonly listing: BucketListing,
    private readonly reads: StorageReads,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Your buckets, then those that are shared with you, with the number of their objects and bytes',
  })
  @ApiOkResponse({ standardSchema: z.array(bucketListingSchema) })
  async list(@CurrentAccount() account: Account): Promise<readonly WireBucket[]> {
    await this.reads.catchUp();
    return this.listing.of(account.id);
  }
}
