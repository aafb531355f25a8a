import { Controller, Delete, Get, Header, Patch, Put } from '@nestjs/common';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { secretKeysSchema } from '@fornax/contracts';
import { namesBelow } from '@fornax/domain';
import {
  BodyLimit,
  CurrentAccount,
  CurrentContext,
  LARGE_BODY,
  type Account,
  type RequestContext,
} from '@fornax/identity';
import { WireBody } from '@fornax/service-kit';
import { SecretValues } from '../commands/secret-values.js';
import { noSuchSecret, SecretLookup } from '../queries/secret-lookup.js';
import { shownValueSchema, valueSchema, type ValueBody } from './secret-bodies.js';
import { SecretPrefix, WholeSecretKey } from './secret-paths.js';

/** A value is stored sealed alone. */
const ANY_TEXT = { takesAnyText: true };

/** Secrets of an account, as the clients know them (contract, section 2.7). */
@ApiTags('secrets')
@Controller('secrets-manager')
export class SecretsManagerController {
  constructor(
    private readonly values: SecretValues,
    private readonly lookup: SecretLookup,
  ) {}

  @Get('data/*')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Read the value of a secret; its key may hold slashes' })
  @ApiOkResponse({ standardSchema: shownValueSchema })
  @ApiNotFoundResponse({ description: 'There is no such secret' })
  async read(@WholeSecretKey() key: string, @CurrentContext() context: RequestContext): Promise<{ value: string }> {
    return { value: (await this.values.read(key, context)).value };
  }

  @Put('data/*')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Create a secret' })
  @ApiOkResponse()
  @ApiConflictResponse({ description: 'There is a secret with this key already' })
  async create(
    @WholeSecretKey() key: string,
    @WireBody(valueSchema, ANY_TEXT) { value }: ValueBody,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.values.create(key, value, context);
  }

  @Patch('data/*')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Give a secret another value; the earlier ones are kept as versions' })
  @ApiOkResponse()
  @ApiNotFoundResponse({ description: 'There is no such secret' })
  async change(
    @WholeSecretKey() key: string,
    @WireBody(valueSchema, ANY_TEXT) { value }: ValueBody,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.values.change(key, value, context);
  }

  @Delete('data/*')
  @ApiOperation({ summary: 'Delete a secret with all of its versions; nobody can read them any more' })
  @ApiOkResponse()
  @ApiNotFoundResponse({ description: 'There is no such secret' })
  async delete(@WholeSecretKey() key: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.values.delete(key, context);
  }

  @Get(['search', 'search/*'])
  @ApiOperation({
    summary: 'List what is directly below a prefix, relative to it: secrets, and folders with a slash behind',
  })
  @ApiOkResponse({ standardSchema: secretKeysSchema })
  @ApiNotFoundResponse({ description: 'There is nothing below the prefix' })
  async search(@SecretPrefix() prefix: string, @CurrentAccount() account: Account): Promise<{ keys: string[] }> {
    const keys = namesBelow(await this.lookup.keysBelow(account.id, prefix), prefix);
    return keys.length === 0 && prefix !== '' ? noSuchSecret(`${prefix}/`) : { keys: [...keys] };
  }
}
