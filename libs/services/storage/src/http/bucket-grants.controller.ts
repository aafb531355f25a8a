import { Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiForbiddenResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type BucketGrantCreation,
  bucketGrantCreationSchema,
  bucketGrantSchema,
  type WireBucketGrant,
} from '@fornax/contracts';
import { type Account, CurrentAccount, CurrentContext, type RequestContext } from '@fornax/identity';
import { WireBody } from '@fornax/service-kit';
import { z } from 'zod';
import { BucketSharing } from '../buckets/bucket-sharing.js';

const NO_BUCKET = { description: 'There is no such bucket, or none that the caller may know of; no such grantee' };
const NOT_YOURS = { description: 'Neither the owner of the bucket nor somebody who looks after its owner' };

/** With whom buckets are shared. */
@ApiTags('storage')
@Controller('fornax/v1/buckets/:bucket/grants')
export class BucketGrantsController {
  constructor(private readonly sharing: BucketSharing) {}

  @Get()
  @ApiOperation({ summary: 'With whom a bucket is shared; for its owner and who may read what its owner has' })
  @ApiOkResponse({ standardSchema: z.array(bucketGrantSchema) })
  @ApiNotFoundResponse(NO_BUCKET)
  @ApiForbiddenResponse(NOT_YOURS)
  list(@Param('bucket') bucket: string, @CurrentAccount() account: Account): Promise<readonly WireBucketGrant[]> {
    return this.sharing.grantsOf(account, bucket);
  }

  @Put(':kind/:grantee')
  @ApiOperation({
    summary: 'Share a bucket with a `user` (id or e-mail), a `project` (id or slug) or an `organization` (id or name)',
  })
  @ApiOkResponse({ standardSchema: bucketGrantSchema })
  @ApiNotFoundResponse(NO_BUCKET)
  @ApiForbiddenResponse(NOT_YOURS)
  grant(
    @Param('bucket') bucket: string,
    @Param('kind') kind: string,
    @Param('grantee') grantee: string,
    @WireBody(bucketGrantCreationSchema) { access }: BucketGrantCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireBucketGrant> {
    return this.sharing.grant(bucket, { kind, who: grantee }, access, context);
  }

  @Delete(':kind/:grantee')
  @ApiOperation({ summary: 'Share a bucket with somebody no more; holds from the next request on' })
  @ApiNotFoundResponse(NO_BUCKET)
  @ApiForbiddenResponse(NOT_YOURS)
  revoke(
    @Param('bucket') bucket: string,
    @Param('kind') kind: string,
    @Param('grantee') grantee: string,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    return this.sharing.revoke(bucket, { kind, who: grantee }, context);
  }
}
