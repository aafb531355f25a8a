import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import { z } from 'zod';
import { StorageUsage, type BucketUsage } from '../buckets/storage-usage.js';
import { StorageReads } from '../reading/storage-reads.js';

const bucketsSchema = z.array(
  z.object({ name: z.string(), createdAt: z.string(), objects: z.int().min(0), bytes: z.int().min(0) }),
);

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
  @ApiOkResponse({ standardSchema: bucketsSchema })
  async list(@CurrentAccount() account: Account): Promise<readonly BucketUsage[]> {
    await this.reads.catchUp();
    return this.usage.bucketsOf(account.id);
  }
}
