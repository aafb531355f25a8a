import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { RPC, waitingReplySchema, waitingSchema, type WaitingReply, type WireWaiting } from '@fornax/contracts';
import { CLOCK } from '@fornax/service-kit';
import { CurrentAccount, type Account } from '@fornax/identity';
import { FornaxError, NotFound, RpcClient, type Clock } from '@fornax/base';
import { type AsOf, isUpTo, KnownTasks, Neighbors, parseAsOf, TaskHistory } from '@fornax/tasks';
import { sentenceOf, WaitingFold, type WaitingFacts } from './waiting.js';

const ASK_MS = 1_000;
/** Tasks that are named in the sentence; the list has all of them. */
const MOST_NAMED = 5;

type Known = Extract<WaitingReply, { known: true }>;

const date = (ms: number): string => new Date(ms).toISOString();

/** Why a task waits: now, or at any moment of the past. */
@ApiTags('history')
@Controller('fornax/v1/tasks/:id/waiting')
export class WaitingController {
  constructor(
    private readonly tasks: KnownTasks,
    private readonly history: TaskHistory,
    private readonly rpc: RpcClient,
    private readonly neighbors: Neighbors,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Why a task waits now, or why it waited then; for running and finished tasks, too' })
  @ApiQuery({ name: 'asOf', required: false, description: 'Sequence of the log, or instant (RFC 3339)' })
  @ApiOkResponse({ standardSchema: waitingSchema })
  async waiting(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Query('asof') text?: unknown,
  ): Promise<WireWaiting> {
    const asOf = text === undefined ? undefined : parseAsOf(String(text));
    const { id: taskId } = await this.tasks.find(account, id);
    const facts = await this.facts(taskId, asOf);
    if (asOf) return answer(taskId, facts, 'instant' in asOf ? asOf.instant : facts.at, 'log');
    if (facts.reason === 'dependencies') return answer(taskId, await this.stillAwaited(facts), this.clock.now(), 'log');
    const known = facts.waiting > 0 ? await this.ask(taskId) : undefined;
    if (!known) return answer(taskId, facts, this.clock.now(), 'log');
    if (known === 'nobody') {
      const last = answer(taskId, facts, this.clock.now(), 'log');
      return {
        ...last,
        text: `No scheduler answers just now, so nothing is started. As it was recorded last: ${last.text}`,
      };
    }
    const { waiting, reason, detail, waitingSince } = known;
    const now = { ...facts, waiting, reason, detail, since: waiting > 0 ? (waitingSince ?? facts.since) : null };
    return answer(taskId, now, this.clock.now(), 'scheduler');
  }

  /** @throws NotFound before the task existed */
  private async facts(taskId: string, asOf: AsOf | undefined): Promise<WaitingFacts> {
    const fold = new WaitingFold();
    reading: for await (const part of this.history.commits(taskId)) {
      for (const commit of part) {
        if (asOf && !isUpTo(asOf, commit)) break reading;
        fold.apply(commit);
      }
    }
    const facts = fold.facts();
    if (!facts) throw new NotFound(`The task ${taskId} did not exist yet`, { code: 'task-not-yet' });
    return facts;
  }

  /** Names the tasks that have not ended yet. */
  private async stillAwaited(facts: WaitingFacts): Promise<WaitingFacts> {
    const ended = await this.neighbors.outcomesOf(facts.awaits);
    const awaits = [...new Set(facts.awaits)].filter((id) => !ended.has(id));
    const shown = awaits.slice(0, MOST_NAMED).join(', ');
    const detail = awaits.length > MOST_NAMED ? `${shown} and ${awaits.length - MOST_NAMED} more` : shown;
    return { ...facts, awaits, detail: detail === '' ? null : detail };
  }

  /** What the leading scheduler sees; undefined when it knows nothing of the task, nobody when none answers. */
  private async ask(taskId: string): Promise<Known | 'nobody' | undefined> {
    try {
      const reply = await this.rpc.request(RPC.waiting, { taskId }, waitingReplySchema, ASK_MS);
      return reply.known ? reply : undefined;
    } catch (error) {
      if (error instanceof FornaxError) return 'nobody';
      throw error;
    }
  }
}

const answer = (taskId: string, facts: WaitingFacts, asOf: number, source: WireWaiting['source']): WireWaiting => ({
  taskId,
  asOf: date(asOf),
  state: facts.state,
  waiting: facts.waiting,
  reason: facts.reason,
  detail: facts.detail,
  since: facts.since === null ? null : date(facts.since),
  text: sentenceOf(facts),
  dependsOn: [...facts.awaits],
  source,
  history: facts.history.map(({ reason, detail, at, sequence }) => ({ reason, detail, at: date(at), sequence })),
});
