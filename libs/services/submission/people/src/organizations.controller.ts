import { Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  organizationChangeSchema,
  organizationCreationSchema,
  organizationSchema,
  type OrganizationChange,
  type OrganizationCreation,
  type WireOrganization,
} from '@fornax/contracts';
import { Idempotent, WireBody } from '@fornax/service-kit';
import { AccountDirectory, CurrentContext, OperatorOnly, type RequestContext } from '@fornax/identity';
import { z } from 'zod';
import { Users } from './users.js';
import { wireOrganization } from './wire-people.js';
import { madeOnce } from './made-once.js';

/** Organizations, for operators. `:organization` is an id or a name. */
@ApiTags('people')
@OperatorOnly()
@Controller('fornax/v1/organizations')
export class OrganizationsController {
  constructor(
    private readonly users: Users,
    private readonly accounts: AccountDirectory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All organizations' })
  @ApiOkResponse({ standardSchema: z.array(organizationSchema) })
  list(): readonly WireOrganization[] {
    return this.accounts.organisations().map((organisation) => wireOrganization(organisation, this.accounts));
  }

  @Post()
  @HttpCode(200)
  @Idempotent(madeOnce)
  @ApiOperation({ summary: 'Make an organization' })
  @ApiOkResponse({ standardSchema: organizationSchema })
  async create(
    @WireBody(organizationCreationSchema) body: OrganizationCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOrganization> {
    return wireOrganization(await this.users.createOrganisation(body, context), this.accounts);
  }

  @Get(':organization')
  @ApiOperation({ summary: 'One organization' })
  @ApiOkResponse({ standardSchema: organizationSchema })
  read(@Param('organization') organization: string): WireOrganization {
    return wireOrganization(this.users.organisation(organization), this.accounts);
  }

  @Patch(':organization')
  @ApiOperation({ summary: 'Change what its members may run and store together' })
  @ApiOkResponse({ standardSchema: organizationSchema })
  async change(
    @Param('organization') organization: string,
    @WireBody(organizationChangeSchema) body: OrganizationChange,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOrganization> {
    const changed = await this.users.changeOrganisation(organization, body, context);
    return wireOrganization(changed, this.accounts);
  }
}
