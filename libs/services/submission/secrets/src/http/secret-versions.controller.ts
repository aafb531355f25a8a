import { Controller, Get, Header, HttpCode, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { secretValueSchema, secretVersionsSchema, type WireSecretVersions } from '@fornax/contracts';
import { CurrentAccount, CurrentContext, type Account, type RequestContext } from '@fornax/identity';
import { WireBody, ZodQuery } from '@fornax/service-kit';
import type { z } from 'zod';
import { SecretValues, type SecretValue } from '../commands/secret-values.js';
import { SecretLookup } from '../queries/secret-lookup.js';
import { versionQuerySchema, versionSchema, type VersionBody } from './secret-bodies.js';
import { SecretKey } from './secret-paths.js';

/** Versions of a secret. */
@ApiTags('secrets')
@Controller('fornax/v1/secrets')
export class SecretVersionsController {
  constructor(
    private readonly values: SecretValues,
    private readonly lookup: SecretLookup,
  ) {}

  @Get('data/*')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Read a version of a secret, the newest unless `version` names another' })
  @ApiOkResponse({ standardSchema: secretValueSchema })
  @ApiNotFoundResponse({ description: 'There is no such secret, or no such version of it' })
  read(
    @SecretKey() key: string,
    @ZodQuery(versionQuerySchema) { version }: z.output<typeof versionQuerySchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<SecretValue> {
    return this.values.read(key, context, version);
  }

  @Get('versions/*')
  @ApiOperation({ summary: 'The versions of a secret that can be read, newest first, without their values' })
  @ApiOkResponse({ standardSchema: secretVersionsSchema })
  @ApiNotFoundResponse({ description: 'There is no such secret' })
  async versions(@SecretKey() key: string, @CurrentAccount() account: Account): Promise<WireSecretVersions> {
    const found = await this.lookup.versionsOf(await this.lookup.find(account.id, key));
    const versions = found.map(({ version, at_ms: at, restored_from: restoredFrom }) => ({
      version,
      createdAt: new Date(at).toISOString(),
      restoredFrom,
    }));
    return { key, versions };
  }

  @Post('restore/*')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give a secret the value of an earlier version again, as a new version' })
  @ApiOkResponse()
  @ApiNotFoundResponse({ description: 'There is no such secret, or no such version of it' })
  async restore(
    @SecretKey() key: string,
    @WireBody(versionSchema) { version }: VersionBody,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.values.restore(key, version, context);
  }
}
