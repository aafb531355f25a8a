import { Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiForbiddenResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  projectMemberChangeSchema,
  projectMemberSchema,
  sharedProjectSchema,
  type ProjectMemberChange,
  type WireProjectMember,
  type WireSharedProject,
} from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { type Account, CurrentAccount, CurrentContext, type RequestContext } from '@fornax/identity';
import { z } from 'zod';
import { ProjectMembers } from './project-members.js';

/** Who sees and does what in the projects that an organization shares. `:user` is an id or an e-mail. */
@ApiTags('people')
@Controller('fornax/v1')
export class ProjectMembersController {
  constructor(private readonly members: ProjectMembers) {}

  @Get('me/shared-projects')
  @ApiOperation({ summary: "Projects of your organization of which you see everybody's tasks, and your roles there" })
  @ApiOkResponse({ standardSchema: z.array(sharedProjectSchema) })
  shared(@CurrentAccount() account: Account): readonly WireSharedProject[] {
    return this.members.seenBy(account);
  }

  @Get('projects/:id/members')
  @ApiOperation({ summary: 'The members of a project, and their roles' })
  @ApiOkResponse({ standardSchema: z.array(projectMemberSchema) })
  @ApiNotFoundResponse({ description: 'There is no such project that you may see' })
  list(@Param('id') id: string, @CurrentAccount() account: Account): readonly WireProjectMember[] {
    return this.members.of(account, id);
  }

  @Put('projects/:id/members/:user')
  @ApiOperation({
    summary: 'Add a member to a project, or change its role',
    description:
      'A `viewer` sees all tasks of the project, a `member` puts tasks into it, too, and a `maintainer` looks after all of its tasks and its members. ' +
      'Once a project has a member, nobody else of its organization puts tasks into it.',
  })
  @ApiOkResponse({ standardSchema: projectMemberSchema })
  @ApiForbiddenResponse({ description: 'You are no maintainer of the project' })
  @ApiNotFoundResponse({
    description: 'There is no such project that you may see, or no such user in its organization',
  })
  set(
    @Param('id') id: string,
    @Param('user') user: string,
    @WireBody(projectMemberChangeSchema) body: ProjectMemberChange,
    @CurrentContext() context: RequestContext,
  ): Promise<WireProjectMember> {
    return this.members.set(id, user, body, context);
  }

  @Delete('projects/:id/members/:user')
  @ApiOperation({ summary: 'Take a member out of a project: from the answer on it sees nothing of others there' })
  @ApiOkResponse({ description: 'It is no member any more' })
  @ApiForbiddenResponse({ description: 'You are no maintainer of the project' })
  @ApiNotFoundResponse({ description: 'There is no such project that you may see, or no such member' })
  remove(
    @Param('id') id: string,
    @Param('user') user: string,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    return this.members.remove(id, user, context);
  }
}
