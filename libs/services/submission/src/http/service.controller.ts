import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  organizationQuotasSchema,
  profileSchema,
  settingsSchema,
  userInfoSchema,
  userQuotasSchema,
  versionsSchema,
  type WireOrganizationQuotas,
  type WireProfile,
  type WireUserInfo,
  type WireUserQuotas,
} from '@fornax/contracts';
import { CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import { CurrentAccount, Public, type Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { z } from 'zod';
import { ProfileCatalogue } from '@fornax/profiles';
import { OrganisationQuotas } from '@fornax/tasks';
import { UserInfo } from './user-info.js';

/** What clients ask before anything else. */
@ApiTags('service')
@Controller()
export class ServiceController {
  constructor(
    private readonly users: UserInfo,
    private readonly organisations: OrganisationQuotas,
    private readonly profiles: ProfileCatalogue,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Says who is there, to those who may know' })
  @ApiOkResponse({ standardSchema: z.object({ service: z.string(), version: z.string() }) })
  probe(): { readonly service: string; readonly version: string } {
    return { service: 'fornax', version: 'v1' };
  }

  @Public()
  @Get('settings')
  @ApiOperation({ summary: 'Where the storage is; null without one' })
  @ApiOkResponse({ standardSchema: settingsSchema })
  settings(): { readonly storage: string | null } {
    return { storage: this.core.publicStorageUrl ?? null };
  }

  @Public()
  @Get('versions')
  @ApiOperation({ summary: 'Versions of the API' })
  @ApiOkResponse({ standardSchema: versionsSchema })
  versions(): readonly { readonly version: string; readonly endOfLife: string | null }[] {
    return [{ version: 'v1', endOfLife: null }];
  }

  @Get('info')
  @ApiOperation({ summary: 'The account: its e-mail, quotas and counters' })
  @ApiOkResponse({ standardSchema: userInfoSchema })
  info(@CurrentAccount() account: Account): Promise<WireUserInfo> {
    return this.users.of(account);
  }

  @Get('quotas/computing-quotas/user')
  @ApiOperation({ summary: 'How much may run and runs, by plan' })
  @ApiOkResponse({ standardSchema: userQuotasSchema })
  quotas(@CurrentAccount() account: Account): Promise<WireUserQuotas> {
    return this.users.quotas(account);
  }

  @Get('quotas/computing-quotas/organization')
  @ApiOperation({ summary: 'How much the organization may run and runs, by plan and member' })
  @ApiOkResponse({ standardSchema: organizationQuotasSchema })
  @ApiNotFoundResponse({ description: 'This account belongs to none' })
  organization(@CurrentAccount() account: Account): Promise<WireOrganizationQuotas> {
    return this.organisations.details(account);
  }

  @Get('profiles')
  @ApiOperation({ summary: 'Names of the profiles that tasks may have' })
  @ApiOkResponse({ standardSchema: z.array(z.string()) })
  profileNames(@CurrentAccount() account: Account): Promise<readonly string[]> {
    return this.profiles.names(account);
  }

  @Get('profiles/:name')
  @ApiOperation({ summary: 'A profile and its constants' })
  @ApiOkResponse({ standardSchema: profileSchema })
  async profile(@Param('name') name: string, @CurrentAccount() account: Account): Promise<WireProfile> {
    const profile = await this.profiles.describe(name, account);
    if (!profile) throw new NotFound(`No such profile: ${name}`);
    return profile;
  }
}
