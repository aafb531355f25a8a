import { Inject, Injectable } from '@nestjs/common';
import type { FornaxEvent } from '@fornax/contracts';
import { aggregatePages, type EventLog } from '@fornax/event-store';
import { AccountDirectory, type Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { EVENT_LOG } from '@fornax/service-kit';
import {
  InjectDatabase,
  isId,
  objectInLog,
  PoolSlots,
  runningOf,
  type AskedInstance,
  type EndedAttempt,
  type KnownObject,
  type LeaseInFlight,
  type RunningOf,
  type RunningRow,
  type TaskStatus,
} from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { PoolBarrier } from '../model/pool-barrier.js';
import { slotsAsTask } from '../model/slots-as-task.js';
import { PoolLookup } from './pool-lookup.js';

const RUNNING = `SELECT owner, spec->>'plan' AS plan, sum(running_instances) AS instances,
    sum(running_instances * (spec->'request'->>'cores')::double precision * (spec->>'slotsPerNode')::integer) AS cores
  FROM pool WHERE owner = ANY($1) AND running_instances > 0 GROUP BY 1, 2`;

const endsIn = (event: FornaxEvent) => (event.type === 'SlotsEnded' ? event.attempts : []);

/** Slots of pools, for those who deal with leases. */
@Injectable()
export class KnownSlots extends PoolSlots {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly lookup: PoolLookup,
    private readonly barrier: PoolBarrier,
    private readonly accounts: AccountDirectory,
  ) {
    super();
  }

  async find(account: Account, id: string, need: 'look' | 'own'): Promise<TaskStatus> {
    return slotsAsTask(await this.lookup.find(account, id, need));
  }

  async known(account: Account, id: string): Promise<KnownObject> {
    const found = await this.lookup.shown(account, id);
    const known = found
      ? { id: found.poolId, owner: found.fold.owner, projectUuid: found.fold.spec.projectUuid }
      : await this.forgotten(id);
    if (!known || !this.accounts.reaches(account, known.owner, 'look', known.projectUuid))
      throw new NotFound(`No such pool: ${id}`, { code: 'pool-not-found' });
    return known;
  }

  inFlight(poolIds: readonly string[], leaseIds: readonly string[]): Promise<readonly LeaseInFlight[]> {
    return this.db.query<LeaseInFlight[]>(
      `SELECT pool_id AS "taskId", (entry->>0)::integer AS instance, entry->1->>'leaseId' AS "leaseId",
         (entry->1->>'attempt')::integer AS attempt, entry->1->>'node' AS node
       FROM pool CROSS JOIN LATERAL jsonb_array_elements(fold->'slots'->'inFlight') AS entry
       WHERE pool_id = ANY($1::text[]) AND entry->1->>'leaseId' = ANY($2::text[])`,
      [poolIds, leaseIds],
    );
  }

  /** The rows do not keep them: they are read from the log. Only what a slot printed last while nobody listened is asked for. */
  async ended(slots: readonly AskedInstance[]): Promise<readonly EndedAttempt[]> {
    const poolIds = [...new Set(slots.map(({ taskId }) => taskId))];
    const pools = await this.db.query<{ pool_id: string }[]>(
      'SELECT pool_id FROM pool WHERE pool_id = ANY($1::text[])',
      [poolIds],
    );
    const ended = await Promise.all(pools.map(({ pool_id: poolId }) => this.endedIn(poolId)));
    const asked = new Set(slots.map(({ taskId, instance }) => `${instance}/${taskId}`));
    return ended.flat().filter(({ taskId, instance }) => asked.has(`${instance}/${taskId}`));
  }

  async endedAmong(poolIds: readonly string[]): Promise<readonly string[]> {
    const rows = await this.db.query<{ pool_id: string }[]>(
      'SELECT pool_id FROM pool WHERE pool_id = ANY($1::text[]) AND end_ms IS NOT NULL',
      [poolIds],
    );
    return rows.map((row) => row.pool_id);
  }

  async running(owners: readonly string[]): Promise<readonly RunningOf[]> {
    return (await this.db.query<RunningRow[]>(RUNNING, [owners])).map(runningOf);
  }

  caughtUp(): Promise<boolean> {
    return this.barrier.caughtUp();
  }

  passed(sequence: number): Promise<boolean> {
    return this.barrier.passed(sequence);
  }

  private async forgotten(id: string): Promise<KnownObject | undefined> {
    return isId(id) ? objectInLog(this.log, 'pool', id.toLowerCase()) : undefined;
  }

  private async endedIn(taskId: string): Promise<readonly EndedAttempt[]> {
    const last = new Map<number, EndedAttempt>();
    for await (const commits of aggregatePages(this.log, 'pool', taskId))
      for (const { instance, attempt, node, endedAt: overAt } of commits.flatMap(({ events }) =>
        events.flatMap(endsIn),
      ))
        last.set(instance, { taskId, instance, attempt, node, overAt });
    return [...last.values()];
  }
}
