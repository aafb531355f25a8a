import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  ownedTaskSummarySchema,
  pageOf,
  pageRequestSchema,
  taskRightsSchema,
  type Page,
  type PageRequest,
  type WireOwnedTaskSummary,
  type WireTaskRights,
} from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import {
  type Account,
  AccountDirectory,
  BodyLimit,
  CurrentAccount,
  LARGE_BODY,
  namedOwner,
  rightsTo,
} from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { OthersTasks } from '../commands/others-tasks.js';
import { TaskLists } from '../queries/task-lists.js';
import { TaskLookup } from '../queries/task-lookup.js';
import { TaskAnswers } from './task-answers.js';

/** What members of a project see of each other's tasks. */
@ApiTags('tasks')
@Controller('fornax/v1')
export class ProjectTasksController {
  constructor(
    private readonly lists: TaskLists,
    private readonly lookup: TaskLookup,
    private readonly answers: TaskAnswers,
    private readonly accounts: AccountDirectory,
    private readonly others: OthersTasks,
  ) {}

  @Post('projects/:id/tasks/paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({
    summary: 'One page of all tasks of a project that an organization shares, in short, with their owners',
  })
  @ApiOkResponse({ standardSchema: pageOf(ownedTaskSummarySchema) })
  @ApiNotFoundResponse({ description: 'There is no such project of whose tasks you may see all' })
  async page(
    @Param('id') id: string,
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WireOwnedTaskSummary>> {
    const project = this.accounts.sharedProject(account, id, 'look');
    if (!project) throw new NotFound(`No such project: ${id}`, { code: 'project-not-found' });
    const page = await this.lists.projectPage({ askedBy: account.id, projectId: project.id }, request);
    const summaries = this.answers.summaries(page.data.map(({ task }) => task));
    const owners = page.data.map(({ owner }) => namedOwner(this.accounts, owner));
    return {
      ...page,
      data: summaries.map((summary, at) => ({ ...summary, owner: owners[at] ?? { uuid: '', name: '' } })),
    };
  }

  @Get('tasks/:id/rights')
  @ApiOperation({ summary: 'Whose a task is, and what you may do with it' })
  @ApiOkResponse({ standardSchema: taskRightsSchema })
  @ApiNotFoundResponse({ description: 'There is no such task that you may see' })
  async rights(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireTaskRights> {
    const task = await this.lookup.find(account, id);
    const { owner, spec } = task.fold;
    const rights = rightsTo(this.accounts, account, { owner, projectUuid: spec.projectUuid });
    return { ...rights, mayClone: rights.may === 'own' || this.others.mayClone(account, task) };
  }
}
