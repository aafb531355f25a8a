import { Inject, Injectable } from '@nestjs/common';
import { Unavailable, type Clock } from '@fornax/base';
import {
  monthOf,
  priceListAt,
  rate,
  usageOf,
  volumeKey,
  type ExactAmount,
  type RunningAttempt,
  type PublishedPriceList,
  type SchedulingPlan,
  type Usage,
} from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { CLOCK, ReadBarriers } from '@fornax/service-kit';
import { readPriceLists, readVolumes, type Queries } from '../projections/ledger-state.js';

/** What is on nodes now, and what it has cost until now. */
export interface RunningCost {
  readonly attempts: number;
  readonly amount: ExactAmount;
}

/** One attempt that runs. */
export interface RunningUse {
  readonly owner: string;
  readonly projectUuid: string;
  readonly startedAt: number;
  readonly amount: ExactAmount;
}

/** One attempt of a task, and where it runs. */
export interface PlacedAttempt extends Omit<RunningAttempt, 'progress'> {
  readonly leaseId: string;
  readonly node: string;
}

/** Which of them: a task or pool, all of some accounts, all in some projects. */
interface Whose {
  readonly id?: string;
  readonly owners?: readonly string[];
  readonly projects?: readonly string[];
}

interface RunningRow {
  readonly owner: string;
  readonly project_uuid: string | null;
  readonly plan: SchedulingPlan;
  readonly constrained: boolean;
  readonly memory_mb: number;
  readonly lease_id: string;
  readonly node: string;
  readonly started_ms: string;
  readonly held_cores: number;
  readonly specification_key: string;
  readonly cpu_model: string;
  readonly cores: number;
  readonly ghz: number;
}

/** What has a line, or waits for a price, is over: the ledger may know it sooner than the table of what runs. */
const RUNNING = `SELECT owner, project_uuid, plan, constrained, memory_mb, lease_id, node, started_ms, held.cores AS held_cores,
    specification_key, cpu_model, node_hardware.cores AS cores, ghz
  FROM running_attempt JOIN usage_terms USING (task_id) JOIN usage_cores held USING (task_id) JOIN node_hardware USING (node)
  WHERE started_ms IS NOT NULL AND (task_id = $1 OR owner = ANY($2::text[]) OR coalesce(project_uuid, owner) = ANY($3::text[]))
    AND NOT EXISTS (SELECT FROM bill_line WHERE bill_line.task_id = running_attempt.task_id AND bill_line.lease_id = running_attempt.lease_id)
    AND NOT EXISTS (SELECT FROM unrated_attempt WHERE unrated_attempt.task_id = running_attempt.task_id
      AND unrated_attempt.attempt_end ->> 'leaseId' = running_attempt.lease_id)`;

/** Clients try it again: an old answer would be a wrong one. */
export const behind = (): Unavailable =>
  new Unavailable('The ledger is catching up with the log', { code: 'ledger-behind' });

/** Computes, when it is asked, what runs has cost so far, as if it ended now. */
@Injectable()
export class RunningCosts {
  private readonly barrier: ReadBarrier;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('running');
  }

  /** Waits until the table of what runs holds everything that is in the log now. */
  async catchUp(): Promise<void> {
    if (!(await this.barrier.caughtUp())) throw behind();
  }

  /** Of one task or pool. @param db the transaction that reads the ledger as well: each attempt is in one of them */
  ofTask(db: Queries, id: string): Promise<RunningCost> {
    return this.sum(db, { id });
  }

  /** What each of these runs has cost until now; see `ofTask`. */
  async each(db: Queries, { id, owners = [], projects = [] }: Whose): Promise<readonly RunningUse[]> {
    const rows = await db.query<RunningRow[]>(RUNNING, [id ?? null, owners, projects]);
    if (rows.length === 0) return [];
    const lists = await readPriceLists(db);
    const volumes = new Map(await readVolumes(db, [...new Set(rows.map(({ owner }) => owner))]));
    const now = this.clock.now();
    return rows.map((row) => ({
      owner: row.owner,
      projectUuid: row.project_uuid ?? row.owner,
      startedAt: Number(row.started_ms),
      amount: soFar(row, now, { lists, volumes }),
    }));
  }

  /** What runs of one task, with what each costs by how long it runs; see `ofTask`. */
  async attemptsOf(db: Queries, id: string): Promise<readonly PlacedAttempt[]> {
    const rows = await db.query<RunningRow[]>(RUNNING, [id, [], []]);
    if (rows.length === 0) return [];
    const lists = await readPriceLists(db);
    const volumes = new Map(await readVolumes(db, [...new Set(rows.map(({ owner }) => owner))]));
    const now = this.clock.now();
    return rows.map((row) => {
      const startedAt = Number(row.started_ms);
      return {
        leaseId: row.lease_id,
        node: row.node,
        ranMs: Math.max(0, now - startedAt),
        // Each for itself: what the others add to the volume of the month is not known yet.
        price: (ms) => soFar(row, startedAt + ms, { lists, volumes: new Map(volumes) }),
      };
    });
  }

  private async sum(db: Queries, whose: Whose): Promise<RunningCost> {
    const each = await this.each(db, whose);
    return { attempts: each.length, amount: each.reduce((sum, { amount }) => sum + amount, 0n) };
  }
}

interface Prices {
  readonly lists: readonly PublishedPriceList[];
  readonly volumes: Map<string, ExactAmount>;
}

const usageUntil = (row: RunningRow, now: number): Usage | undefined => {
  const { specification_key: specificationKey, cpu_model: cpuModel, cores, ghz, node, plan, constrained } = row;
  const startedAt = Number(row.started_ms);
  const hardware = { specificationKey, cpuModel, cores, ghz };
  const end = { startedAt, endedAt: Math.max(now, startedAt), node, cores: row.held_cores, hardware };
  return usageOf({ ...end, outcome: 'success' }, { plan, constrained, memoryMB: row.memory_mb });
};

const soFar = (row: RunningRow, now: number, { lists, volumes }: Prices): ExactAmount => {
  const usage = usageUntil(row, now);
  const list = usage && priceListAt(lists, usage.from);
  if (!usage || !list) return 0n;
  const month = volumeKey(row.owner, monthOf(usage.from));
  const volume = volumes.get(month) ?? 0n;
  const rating = rate(usage, list, { projectUuid: row.project_uuid, volume, charged: 0n });
  if (typeof rating === 'string') return 0n;
  volumes.set(month, volume + rating.gross);
  return rating.amount;
};
