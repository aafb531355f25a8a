import { Controller, Delete, Get, HttpCode, Put } from '@nestjs/common';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { expiryPrefixSchema, expiryRuleChangeSchema, expiryRuleSchema, type WireExpiryRule } from '@fornax/contracts';
import { CurrentContext, userMeta, type RequestContext } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { ZodBody, ZodParam, ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { ExpiryRules } from '../buckets/expiry-rules.js';
import { ObjectExpiry } from '../process-managers/object-expiry.js';
import { StorageReads } from '../reading/storage-reads.js';

const bucketName = z.string().min(3).max(255);
const rules = z.array(expiryRuleSchema);

/** How long objects of a bucket stay, by prefix: for its owner, and operators. */
@ApiTags('storage')
@ApiNotFoundResponse({ description: 'No such bucket, or no such rule' })
@Controller('fornax/v1/buckets/:bucket/expiry')
export class ExpiryController {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly rules: ExpiryRules,
    private readonly expiry: ObjectExpiry,
    private readonly reads: StorageReads,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Expiry rules of a bucket, and what they have ended so far' })
  @ApiOkResponse({ standardSchema: rules })
  async list(
    @ZodParam('bucket', bucketName) bucket: string,
    @CurrentContext() context: RequestContext,
  ): Promise<readonly WireExpiryRule[]> {
    await this.#ownerOf(bucket, context);
    return this.rules.of(bucket);
  }

  @Put()
  @ApiOperation({
    summary: 'Set how long objects stay that begin with a prefix; what is over is deleted within seconds',
  })
  @ApiOkResponse({ standardSchema: rules })
  @ApiConflictResponse({ description: 'The bucket has a hundred rules' })
  async set(
    @ZodParam('bucket', bucketName) bucket: string,
    @ZodBody(expiryRuleChangeSchema) change: z.output<typeof expiryRuleChangeSchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<readonly WireExpiryRule[]> {
    const owner = await this.#ownerOf(bucket, context);
    const meta = userMeta('storage', context, { kind: 'user', id: owner });
    const { sequence } = await this.rules.decide(bucket, { type: 'SetBucketExpiry', owner, ...change }, meta);
    await this.reads.waitForRows(sequence);
    this.expiry.wake();
    return this.rules.of(bucket);
  }

  @Delete()
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove the rule for a prefix: its objects stay' })
  @ApiOkResponse({ standardSchema: rules })
  async remove(
    @ZodParam('bucket', bucketName) bucket: string,
    @ZodQuery(expiryPrefixSchema) { prefix }: z.output<typeof expiryPrefixSchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<readonly WireExpiryRule[]> {
    const owner = await this.#ownerOf(bucket, context);
    const meta = userMeta('storage', context, { kind: 'user', id: owner });
    const { sequence } = await this.rules.decide(bucket, { type: 'RemoveBucketExpiry', owner, prefix }, meta);
    await this.reads.waitForRows(sequence);
    return this.rules.of(bucket);
  }

  /** @throws NotFound also when it is somebody else's, who may not learn that it exists */
  async #ownerOf(name: string, { account }: RequestContext): Promise<string> {
    await this.reads.catchUpRows();
    const bucket = await this.catalog.find(name);
    if (!bucket || (bucket.owner !== account.id && account.role !== 'operator'))
      throw new NotFound(`No such bucket: ${name}`, { code: 'bucket-not-found' });
    return bucket.owner;
  }
}
