import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/service-kit';
import { StorageUsage, type BucketUsage } from '../buckets/storage-usage.js';
import { StorageReads } from '../reading/storage-reads.js';

/** Buckets beside S3: what S3 has no call for. */
@ApiTags('storage')
@Controller('fornax/v1/buckets')
export class BucketsController {
  constructor(
    private readonly usage: StorageUsage,
    private readonly reads: StorageReads,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Your buckets, with the number of their objects and bytes' })
  async list(@CurrentAccount() account: Account): Promise<readonly BucketUsage[]> {
    await this.reads.catchUp();
    return this.usage.bucketsOf(account.id);
  }
}
