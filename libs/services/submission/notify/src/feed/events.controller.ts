import { Readable } from 'node:stream';
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import {
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import { EVENT_STREAM_CONTENT } from '@fornax/service-kit';
import { AccountDirectory, CurrentAccount, tokenOf, type Account } from '@fornax/identity';
import { Forbidden, ValidationFailed } from '@fornax/base';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { KnownTasks, PoolSlots, type KnownObject } from '@fornax/tasks';
import { checkedTypes, type EventFilter } from './event-filter.js';
import { parseEventId } from './event-position.js';
import { EventStream } from './event-stream.js';

const MOST_STREAMS = 64;
const MOST_NAMES = 100;
/** A reader that takes nothing for that long is gone. */
const STALLED_MS = 120_000;
const CHUNK_BYTES = 64 * 1024;

/** `?types=a,b&types=c`. @throws ValidationFailed */
const namesOf = (field: string, value: unknown): readonly string[] => {
  const names = [value ?? []]
    .flat()
    .flatMap((text) => String(text).split(','))
    .filter((name) => name !== '');
  if (names.length > MOST_NAMES) throw new ValidationFailed({ [field]: [`at most ${MOST_NAMES}`] });
  return names;
};

/** @throws ValidationFailed */
const flagOf = (field: string, value: unknown, fallback: boolean): boolean => {
  if (value === undefined) return fallback;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new ValidationFailed({ [field]: ['must be true or false'] });
};

/** The log, live. */
@ApiTags('history')
@Controller('fornax/v1/events')
export class EventsController {
  private readonly open = new Map<string, number>();

  constructor(
    private readonly streams: EventStream,
    private readonly tasks: KnownTasks,
    private readonly slots: PoolSlots,
    private readonly accounts: AccountDirectory,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'What happens to tasks, live, as Server-Sent Events: a snapshot first, then every event',
    description:
      'Tasks, their snapshots, jobs and pools. Messages: `snapshot` (tasks in short, in parts; the last one has `isLast`), then one for each event, named after its type, with the event as in the ' +
      'history of a task. `reset` when the place of Last-Event-ID is gone: forget everything, a snapshot follows. Comment lines keep the connection alive.',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ content: EVENT_STREAM_CONTENT })
  @ApiNotFoundResponse({ description: 'There is no such task or pool' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Go on after this message, without a snapshot' })
  @ApiQuery({ name: 'task', required: false, description: 'Only these tasks (ids or shortnames, separated by commas)' })
  @ApiQuery({ name: 'pool', required: false, description: 'The same for pools; tasks in them are named as others are' })
  @ApiQuery({ name: 'types', required: false, description: 'Only events of these types, e.g. InstancesConcluded' })
  @ApiQuery({ name: 'snapshot', required: false, description: 'false: no snapshot, only what happens from now on' })
  @ApiQuery({ name: 'all', required: false, description: "true: everybody's tasks (operators only)" })
  async stream(
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query() query: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const last = request.headers['last-event-id'];
    const after = typeof last === 'string' && last !== '' ? parseEventId(last) : undefined;
    const { filter, found } = await this.filterOf(account, query);
    const withSnapshot = flagOf('snapshot', query['snapshot'], true);
    // Its `close` has been: nobody would say that its place is free again.
    if (reply.raw.destroyed) return;
    this.enter(account);
    const gone = new AbortController();
    reply.raw.on('close', () => {
      gone.abort();
      this.leave(account);
    });
    const text = this.streams.open({ filter, after, withSnapshot, signal: gone.signal });
    // Who looks after an organization sees no more of a member that leaves it, and who left a project no more of its tasks.
    const isAllowed = (): boolean =>
      this.accounts.byToken(tokenOf(request.headers.authorization)) !== undefined &&
      found.every(({ owner, projectUuid }) => this.accounts.reaches(account, owner, 'look', projectUuid));
    const body = Readable.from(
      watched(text, isAllowed, () => reply.raw.destroy()),
      {
        objectMode: false,
        highWaterMark: CHUNK_BYTES,
      },
    );
    void reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      // A connection kept alive after the stream would keep a process that ends from ending.
      .header('connection', 'close')
      .send(body);
  }

  private async filterOf(
    account: Account,
    query: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly filter: EventFilter; readonly found: readonly KnownObject[] }> {
    const isForAll = flagOf('all', query['all'], false);
    if (isForAll && account.role !== 'operator') throw new Forbidden("Only an operator may follow everybody's tasks");
    const types = checkedTypes([...namesOf('types', query['types']), ...namesOf('type', query['type'])]);
    const names = [...namesOf('task', query['task']), ...namesOf('tasks', query['tasks'])];
    const pools = [...namesOf('pool', query['pool']), ...namesOf('pools', query['pools'])];
    const found: readonly KnownObject[] = await Promise.all([
      ...names.map((name) => this.tasks.find(account, name)),
      ...pools.map((name) => this.slots.known(account, name)),
    ]);
    const named = found.map(({ id }) => id);
    // Each of those named was looked up with the account's own eyes.
    const owner = isForAll || named.length > 0 ? null : account.id;
    const filter = { owner, tasks: named.length === 0 ? null : named, types };
    return { filter, found };
  }

  private enter({ id }: Account): void {
    const streams = this.open.get(id) ?? 0;
    if (streams >= MOST_STREAMS)
      throw new Forbidden(`This account has ${MOST_STREAMS} streams open already`, { code: 'too-many-streams' });
    this.open.set(id, streams + 1);
  }

  private leave({ id }: Account): void {
    const streams = (this.open.get(id) ?? 1) - 1;
    if (streams <= 0) this.open.delete(id);
    else this.open.set(id, streams);
  }
}

/** Ends when the token is revoked or may look no more, and cuts off a reader that takes nothing any more. */
async function* watched(
  text: AsyncGenerator<string>,
  isAllowed: () => boolean,
  cut: () => void,
): AsyncGenerator<Buffer> {
  for await (const part of text) {
    if (!isAllowed()) return;
    const stalled = setTimeout(cut, STALLED_MS);
    try {
      yield Buffer.from(part);
    } finally {
      clearTimeout(stalled);
    }
  }
}
