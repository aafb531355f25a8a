import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  profileDocumentJsonSchema,
  profileDocumentSchema,
  profileVersionSchema,
  publishedProfileSchema,
  type WireProfileVersion,
  type WirePublishedProfile,
  type WrittenProfile,
} from '@fornax/contracts';
import { CurrentAccount, CurrentContext, type Account, type RequestContext } from '@fornax/identity';
import { DocumentBody, ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { PublishProfile } from '../commands/publish-profile.handler.js';
import { Owners } from '../model/owners.js';
import { ShownProfiles } from '../queries/shown-profiles.js';

const ownerQuerySchema = z.object({
  organization: z.string().optional().meta({
    description:
      'Whose profile, by name or id; platform: of the platform. Absent: of the own organization, or else of the platform',
  }),
});
type OwnerQuery = z.output<typeof ownerQuerySchema>;
const versionQuerySchema = ownerQuerySchema.extend({
  version: z.coerce.number().int().min(0).optional().meta({ description: 'Absent: the newest' }),
});
type VersionQuery = z.output<typeof versionQuerySchema>;

/** Profiles that operators publish for the platform, and organizations for their people. */
@ApiTags('profiles')
@Controller('fornax/v1/profiles')
export class PublishedProfilesController {
  constructor(
    private readonly publishing: PublishProfile,
    private readonly shown: ShownProfiles,
    private readonly owners: Owners,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Publish the next version of a profile; what is the newest version already is left as it is',
  })
  @ApiOkResponse({ standardSchema: publishedProfileSchema })
  @ApiConflictResponse({ description: 'It has as many versions as there may be' })
  @ApiNotFoundResponse({ description: 'There is no such organization, or it is not the one of the account' })
  async publish(
    @DocumentBody(profileDocumentSchema) document: WrittenProfile,
    @ZodQuery(ownerQuerySchema) { organization }: OwnerQuery,
    @CurrentContext() context: RequestContext,
  ): Promise<WirePublishedProfile> {
    const owner = this.owners.publishingFor(context.account, organization);
    await this.publishing.publish(owner, document, context);
    return this.shown.published(owner, document.name, context.account);
  }

  @Get()
  @ApiOperation({
    summary: 'Published profiles that the account may use or publish, and documents that wait for their image',
  })
  @ApiOkResponse({ standardSchema: z.array(publishedProfileSchema) })
  list(@CurrentAccount() account: Account): Promise<readonly WirePublishedProfile[]> {
    return this.shown.list(account);
  }

  @Get('schema')
  @ApiOperation({ summary: 'The JSON Schema of profiles' })
  schema(): object {
    return profileDocumentJsonSchema();
  }

  @Get(':name')
  @ApiOperation({ summary: 'One version of a profile, with the document that says it' })
  @ApiOkResponse({ standardSchema: profileVersionSchema })
  @ApiNotFoundResponse({ description: 'There is none, or none that this account may use or publish' })
  show(
    @Param('name') name: string,
    @ZodQuery(versionQuerySchema) query: VersionQuery,
    @CurrentAccount() account: Account,
  ): Promise<WireProfileVersion> {
    return this.shown.show(account, { name, ...query });
  }

  @Get(':name/versions')
  @ApiOperation({ summary: 'All versions of a profile, the newest first' })
  @ApiOkResponse({ standardSchema: z.array(publishedProfileSchema) })
  @ApiNotFoundResponse({ description: 'There is none, or none that this account may use or publish' })
  versions(
    @Param('name') name: string,
    @ZodQuery(ownerQuerySchema) query: OwnerQuery,
    @CurrentAccount() account: Account,
  ): Promise<readonly WirePublishedProfile[]> {
    return this.shown.versions(account, { name, ...query });
  }

  @Post(':name/retire')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take no new tasks of a profile; tasks that have it, and copies of them, still run' })
  @ApiOkResponse({ standardSchema: publishedProfileSchema })
  @ApiNotFoundResponse({ description: 'There is none that this account may publish' })
  async retire(
    @Param('name') name: string,
    @ZodQuery(ownerQuerySchema) { organization }: OwnerQuery,
    @CurrentContext() context: RequestContext,
  ): Promise<WirePublishedProfile> {
    const owner = this.owners.publishingFor(context.account, organization);
    await this.publishing.retire(owner, name, context);
    return this.shown.published(owner, name, context.account);
  }
}
