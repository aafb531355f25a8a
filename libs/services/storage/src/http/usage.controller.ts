import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  storageDiskSchema,
  storageUsageSchema,
  usageReconciliationSchema,
  type WireStorageDisk,
  type WireStorageUsage,
  type WireUsageReconciliation,
} from '@fornax/contracts';
import { CurrentAccount, OperatorOnly, type Account } from '@fornax/identity';
import { LocalObjectStore, type ObjectStore } from '@fornax/object-store';
import { Conflict } from '@fornax/base';
import { OBJECT_STORE } from '../config/tokens.js';
import { PLATFORM_AREAS } from '../model/bucket-names.js';
import { StorageReads } from '../reading/storage-reads.js';
import { UsageReconciliation } from '../process-managers/usage-reconciliation.js';
import { StorageHoldings } from '../usage/storage-holdings.js';
import { BucketCatalog } from '../buckets/bucket-catalog.js';

const noLocalObjects = (): Conflict =>
  new Conflict('Objects are kept by an S3 service, whose disks are its own', { code: 'no-local-objects' });

/** What lies in object storage. */
@ApiTags('storage')
@Controller('fornax/v1/buckets/usage')
export class UsageController {
  constructor(
    private readonly holdings: StorageHoldings,
    private readonly catalog: BucketCatalog,
    private readonly reads: StorageReads,
    private readonly reconciliation: UsageReconciliation,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What you have in object storage, by bucket, task and kind; for operators: what everybody has',
  })
  @ApiOkResponse({ standardSchema: storageUsageSchema })
  async usage(@CurrentAccount() account: Account): Promise<WireStorageUsage> {
    await this.reads.catchUp();
    return this.holdings.of(account.role === 'operator' ? undefined : account.id);
  }

  @Post('reconcile')
  @HttpCode(200)
  @OperatorOnly()
  @ApiOperation({ summary: 'Compare the counters that quotas go by with the objects that there are, and repair them' })
  @ApiOkResponse({ standardSchema: usageReconciliationSchema })
  @ApiConflictResponse({ description: 'Objects are kept by an S3 service' })
  async reconcile(): Promise<WireUsageReconciliation> {
    const reconciled = await this.reconciliation.reconcile();
    if (!reconciled) throw noLocalObjects();
    return { buckets: reconciled.buckets, differences: reconciled.differences.map((one) => ({ ...one })) };
  }

  @Get('disk')
  @OperatorOnly()
  @ApiOperation({ summary: 'What every file in the folder of the local object store is for; looks at all of them' })
  @ApiOkResponse({ standardSchema: storageDiskSchema })
  @ApiConflictResponse({ description: 'Objects are kept by an S3 service' })
  async disk(): Promise<WireStorageDisk> {
    if (!(this.store instanceof LocalObjectStore)) throw noLocalObjects();
    const kinds = await this.store.diskUsage();
    const there = kinds.filter(({ kind }) => kind !== 'missing');
    const names = (await this.catalog.all()).map(({ name }) => name);
    const areas = [...names, ...PLATFORM_AREAS];
    const indexed = [...(await this.store.usages(areas)), ...(await this.store.uploadUsages(areas))];
    return {
      kinds: kinds.map((one) => ({ ...one })),
      total: {
        files: there.reduce((sum, { files }) => sum + files, 0),
        bytes: there.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      indexedBytes: indexed.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }
}
