import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AccountDirectory, AdmittedBy } from '@fornax/identity';
import { deciderOf, RECOVERY_CHECK } from '../http/door/operator-check.js';
import { ZodQuery } from '../http/zod-parameters.js';
import { ProjectionHost } from '../projections/projection-host.js';
import { messageOf, nameOf, waysOutOf } from '../log/watch/log-trouble.js';
import { LogWatch } from '../log/watch/log-watch.js';

const stateSchema = z.object({
  /** The log as it is now; null when there is none. */
  log: z.string().nullable(),
  isRight: z.boolean(),
  message: z.string(),
  ways: z.array(z.string()),
  /** What was read of the log that is missing in this one. */
  known: z.object({ epoch: z.string(), sequence: z.int() }).nullable(),
  /** When its last commit was stored (RFC 3339), so that people know from when on it is missing. */
  lastCommitAt: z.string().nullable(),
  /** Of each table, how many rows are as they are because of commits that this log does not have. */
  lost: z.array(z.object({ table: z.string(), rows: z.int() })),
  /** Tasks that these rows are about: how many, and the first 20 of them. */
  lostTasks: z.object({ count: z.int(), ids: z.array(z.string()) }),
});
export type LogState = z.output<typeof stateSchema>;

const acceptSchema = z.object({ log: z.string().max(200) });

/** Whether the event log is the one that everything here was made from, and the way on when it is not. */
@ApiTags('operations')
@Controller('fornax/v1/log')
export class LogStateController {
  constructor(
    private readonly watch: LogWatch,
    private readonly projections: ProjectionHost,
    private readonly accounts: AccountDirectory,
  ) {}

  @AdmittedBy(RECOVERY_CHECK)
  @Get('state')
  @ApiOperation({ summary: 'Whether the event log went back or is another one, what would be lost, and what to do' })
  @ApiOkResponse({ standardSchema: stateSchema })
  async state(): Promise<LogState> {
    const head = await this.watch.headNow();
    const { trouble } = this.watch;
    const losses = trouble && head ? await this.projections.losses() : undefined;
    return {
      log: head ? nameOf(head) : null,
      isRight: trouble === undefined,
      message: trouble ? messageOf(trouble) : 'The event log is the one that was read before',
      ways: trouble ? [...waysOutOf(trouble)] : [],
      known: trouble ? { epoch: trouble.known.epoch, sequence: trouble.known.sequence } : null,
      lastCommitAt: head ? await this.watch.storedAt(head.sequence) : null,
      lost: [...(losses?.tables ?? [])],
      lostTasks: { count: losses?.tasks.count ?? 0, ids: [...(losses?.tasks.ids ?? [])] },
    };
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Post('accept')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Accept the event log as it is: what is missing in it is lost, all read models are folded anew',
  })
  @ApiQuery({ name: 'log', description: 'the log as `state` named it' })
  @ApiOkResponse({ standardSchema: z.object({ accepted: z.string() }) })
  @ApiConflictResponse({ description: 'nothing is wrong with the log, or it is another one by now' })
  async accept(
    @ZodQuery(acceptSchema) { log }: z.output<typeof acceptSchema>,
    @Req() { headers }: FastifyRequest,
  ): Promise<{ readonly accepted: string }> {
    const by = deciderOf(this.accounts, headers);
    await this.watch.accept(log, (service) => this.projections.namesOf(service), by);
    return { accepted: log };
  }
}
