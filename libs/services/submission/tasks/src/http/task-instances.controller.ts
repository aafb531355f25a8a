import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodQuery } from '@fornax/service-kit';
import { CurrentAccount, type Account } from '@fornax/identity';
import { z } from 'zod';
import { ErrorTails, withTail } from '../queries/error-tails.js';
import {
  INSTANCE_STATES,
  instanceSchema,
  TaskInstances,
  type InstancesPage,
  type InstanceState,
} from '../queries/task-instances.js';
import { rowOf } from '../tables/parameter-table.js';
import { TaskTables } from '../tables/task-tables.js';
import { TaskLookup } from '../queries/task-lookup.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Instance numbers stay below this. */
const MAX_INSTANCE = 2 ** 31;

const COMPLETED: readonly InstanceState[] = ['succeeded', 'failed', 'cancelled'];

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most));

const statesIn = (text: string, context: z.RefinementCtx): readonly InstanceState[] =>
  text
    .toLowerCase()
    .split(',')
    .filter((name) => name !== '')
    .flatMap((name) => {
      if (name === 'completed') return COMPLETED;
      const known = INSTANCE_STATES.find((state) => state === name);
      if (known !== undefined) return [known];
      context.addIssue({ code: 'custom', message: `must be some of ${INSTANCE_STATES.join(', ')}, completed` });
      return [];
    });

const querySchema = z.object({
  state: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .transform((value) => [value ?? []].flat().join(','))
    .transform(statesIn)
    .describe('Only instances in these states, separated by commas; `completed` is succeeded, failed and cancelled'),
  after: wholeNumber(0, MAX_INSTANCE).optional().describe('Only instances with a higher number: `nextAfter` of a page'),
  limit: wholeNumber(1, MAX_LIMIT).optional().describe(`Most instances in the answer, ${DEFAULT_LIMIT} by default`),
});

const pageSchema = z.object({
  data: z.array(instanceSchema),
  total: z.int().nonnegative(),
  nextAfter: z.int().nonnegative().nullable(),
});

/** Every instance of a task, in pages: beyond what the status of the task names. */
@ApiTags('tasks')
@Controller('fornax/v1/tasks/:id/instances')
export class TaskInstancesController {
  constructor(
    private readonly lookup: TaskLookup,
    private readonly instances: TaskInstances,
    private readonly tails: ErrorTails,
    private readonly tables: TaskTables,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The instances of a task by number: state, attempt, node, times, exit code, error' })
  @ApiOkResponse({ standardSchema: pageSchema })
  async page(
    @Param('id') id: string,
    @ZodQuery(querySchema) query: z.output<typeof querySchema>,
    @CurrentAccount() account: Account,
  ): Promise<InstancesPage> {
    const { state: states, after, limit = DEFAULT_LIMIT } = query;
    const task = await this.lookup.find(account, id);
    const page = await this.instances.page(task, { states, after, limit });
    const failed = page.data.filter(({ error }) => error?.debug === '').map(({ instanceId }) => instanceId);
    const tails = await this.tails.of(task, failed);
    const { table } = task.fold.spec;
    const rows = table && (await this.tables.read(task.taskId, table));
    const data = page.data.map((one) => ({
      ...one,
      ...(one.error ? { error: withTail(one.error, tails.get(one.instanceId)) } : {}),
      ...(rows ? { row: rowOf(rows, one.instanceId) ?? null } : {}),
    }));
    return { ...page, data };
  }
}
