import type { IncomingMessage } from 'node:http';
import { Controller, Get, Header, Req } from '@nestjs/common';
import { ApiForbiddenResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  bucketLinksQuerySchema,
  bucketLinksSchema,
  type BucketLinksQuery,
  type WireBucketLinks,
} from '@fornax/contracts';
import { CurrentAccount, SESSION_HEADER, type Account } from '@fornax/identity';
import { ZodParam, ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { BucketLinks } from '../links/bucket-links.js';
import { StorageReads } from '../reading/storage-reads.js';

const first = (value: string | readonly string[] | undefined): string | undefined =>
  (typeof value === 'string' ? value : value?.[0])?.split(',', 1)[0]?.trim();

/** Where our page lies that sent a request; undefined for programs. No other page may send the header by which ours is known. */
const pageOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined => {
  if (headers[SESSION_HEADER] === undefined) return undefined;
  const host = first(headers['x-forwarded-host']) ?? headers.host;
  const scheme = first(headers['x-forwarded-proto']) === 'https' ? 'https' : 'http';
  return host !== undefined && URL.canParse(`${scheme}://${host}`) ? new URL(`${scheme}://${host}`).origin : undefined;
};

/** Links to the S3 endpoint that hold for minutes. */
@ApiTags('storage')
@Controller('fornax/v1/buckets/:bucket/links')
export class BucketLinksController {
  constructor(
    private readonly links: BucketLinks,
    private readonly reads: StorageReads,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Presigned links for one thing to do with a bucket or an object, with your own rights',
    description:
      'Whoever has a link may use it until it expires, as you: it may what you may at that moment, and ends with the token or session that asked. Of links that the dashboard asks for, its own page may read the answers (CORS), and no other.',
  })
  @ApiOkResponse({ standardSchema: bucketLinksSchema })
  @ApiNotFoundResponse({ description: 'There is no such bucket, or none that the caller may know of' })
  @ApiForbiddenResponse({ description: 'The caller may only read' })
  async make(
    @ZodParam('bucket', z.string().min(3).max(255)) bucket: string,
    @ZodQuery(bucketLinksQuerySchema) query: BucketLinksQuery,
    @CurrentAccount() account: Account,
    @Req() request: Pick<IncomingMessage, 'headers'>,
  ): Promise<WireBucketLinks> {
    await this.reads.catchUpRows();
    return this.links.of(account, bucket, query, pageOf(request));
  }
}
