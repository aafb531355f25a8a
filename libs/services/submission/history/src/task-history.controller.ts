import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { taskSchema, type WireTask } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { attemptChanges, attemptChangeSchema } from './attempt-changes.js';
import {
  KnownTasks,
  parseAsOf,
  TaskAnswers,
  TaskAsOf,
  TaskHistory,
  TaskLookup,
  AskedPage,
  AsksForPage,
  pageOfEvents,
  type PlaceInHistory,
} from '@fornax/tasks';

const historySchema = z.object({
  taskId: z.string(),
  ...pageOfEvents,
});

/** Commits that are held at once: each may tell of a thousand instances. */
const MOST_COMMITS = 200;

const attemptsSchema = z.object({
  taskId: z.string(),
  changes: z.array(attemptChangeSchema).readonly(),
  next: z.int().nullable(),
});

/** What the log tells about one task: what happened, and how it stood at any time. */
@ApiTags('history')
@Controller('fornax/v1/tasks/:id')
export class TaskHistoryController {
  constructor(
    private readonly tasks: KnownTasks,
    private readonly history: TaskHistory,
    private readonly past: TaskAsOf,
    private readonly lookup: TaskLookup,
    private readonly answers: TaskAnswers,
  ) {}

  @Get()
  @ApiOperation({ summary: 'A task as it is now, or exactly as it was shown at a moment of the past' })
  @ApiQuery({
    name: 'asOf',
    required: false,
    description: 'Sequence of the log, or instant (RFC 3339). Running times are those of that moment',
  })
  @ApiOkResponse({ standardSchema: taskSchema })
  async read(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query('asof') asOf?: unknown,
  ): Promise<WireTask> {
    if (asOf === undefined) return this.answers.alone(await this.lookup.find(account, id));
    const moment = parseAsOf(String(asOf));
    const { id: taskId } = await this.tasks.find(account, id);
    const { status, ended, now } = await this.past.read(taskId, moment);
    reply.header('fornax-sequence', String(status.version)).header('fornax-as-of', new Date(now).toISOString());
    return this.answers.asOf(status, ended, now);
  }

  @Get('events')
  @ApiOperation({
    summary:
      'Everything that happened to a task and its snapshots, and which secrets its instances were given, in order: who, when, why. Deleted tasks too, by id',
  })
  @AsksForPage()
  @ApiOkResponse({ standardSchema: historySchema })
  async events(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @AskedPage() { from, most }: PlaceInHistory,
  ): Promise<z.output<typeof historySchema>> {
    const task = await this.tasks.find(account, id);
    const { events, next } = await this.history.page(task, from, most);
    return { taskId: task.id, events: [...events], next };
  }

  @Get('attempts')
  @ApiOperation({
    summary:
      'What happened to the attempts of the instances of a task, in order: who waited, on which node each ran, when',
  })
  @AsksForPage()
  @ApiOkResponse({ standardSchema: attemptsSchema })
  async attempts(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @AskedPage() { from, most }: PlaceInHistory,
  ): Promise<z.output<typeof attemptsSchema>> {
    const { id: taskId } = await this.tasks.find(account, id);
    const limit = Math.min(most, MOST_COMMITS);
    return { taskId, ...attemptChanges(await this.history.commitsAfter(taskId, from, limit + 1), limit) };
  }
}
