import { Controller, Get, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  ownedProjectCreationSchema,
  ownedProjectSchema,
  projectChangeSchema,
  type OwnedProjectCreation,
  type ProjectChange,
  type WireOwnedProject,
} from '@fornax/contracts';
import { Idempotent, WireBody, ZodQuery } from '@fornax/service-kit';
import { CurrentContext, OperatorOnly, type RequestContext } from '@fornax/identity';
import { z } from 'zod';
import { Projects } from './projects.js';
import { madeOnce } from './made-once.js';

const ownerQuerySchema = z.object({ user: z.string().optional(), organization: z.string().optional() });
type OwnerQuery = z.output<typeof ownerQuerySchema>;

const named = ({ user, organization }: OwnerQuery) => ({
  ...(user === undefined ? {} : { user }),
  ...(organization === undefined ? {} : { organization }),
});

/** Projects of anybody, for operators. */
@ApiTags('people')
@OperatorOnly()
@Controller('fornax/v1/projects')
export class ProjectsController {
  constructor(private readonly projects: Projects) {}

  @Get()
  @ApiOperation({ summary: 'Projects of one user or one organization, archived ones too' })
  @ApiOkResponse({ standardSchema: z.array(ownedProjectSchema) })
  @ApiNotFoundResponse({ description: 'There is no such user or organization' })
  list(@ZodQuery(ownerQuerySchema) query: OwnerQuery): readonly WireOwnedProject[] {
    return this.projects.of(this.projects.ownerOf(named(query)).ownerId);
  }

  @Post()
  @HttpCode(200)
  @Idempotent(madeOnce)
  @ApiOperation({ summary: 'Make a project of a user or of an organization' })
  @ApiNotFoundResponse({ description: 'There is no such user or organization' })
  @ApiOkResponse({ standardSchema: ownedProjectSchema })
  create(
    @WireBody(ownedProjectCreationSchema) { user, organization, ...creation }: OwnedProjectCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnedProject> {
    const owner = this.projects.ownerOf(named({ user, organization }));
    return this.projects.create(owner, creation, context);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One project' })
  @ApiOkResponse({ standardSchema: ownedProjectSchema })
  @ApiNotFoundResponse({ description: 'There is no such project' })
  read(@Param('id') id: string): WireOwnedProject {
    return this.projects.read(id);
  }

  @Patch(':id')
  @ApiOperation({
    summary: 'Rename a project, make it the default one of its owner, change what its buckets may hold, or archive it',
  })
  @ApiOkResponse({ standardSchema: ownedProjectSchema })
  change(
    @Param('id') id: string,
    @WireBody(projectChangeSchema) body: ProjectChange,
    @CurrentContext() context: RequestContext,
  ): Promise<WireOwnedProject> {
    return this.projects.change(id, body, context);
  }
}
