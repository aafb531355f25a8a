import {
  emptyBill,
  instanceKey,
  joined,
  monthOf,
  priced,
  priceListAt,
  type AttemptEnd,
  type BillState,
  type EndedAttempt,
  type ExactAmount,
  type PriceList,
  type PublishedPriceList,
} from '@fornax/domain';
import type { LineRow } from '../projections/ledger-rows.js';

/** Of a line, what its price depends on. */
export type RatedLine = Pick<
  LineRow,
  | 'task_id'
  | 'instance'
  | 'attempt'
  | 'kind'
  | 'owner'
  | 'project_uuid'
  | 'node'
  | 'specification_key'
  | 'cpu_model'
  | 'plan'
  | 'constrained'
  | 'outcome'
  | 'cause'
  | 'milli_cores'
  | 'milli_ghz'
  | 'memory_mb'
  | 'amount_nanos'
  | 'amount_rest'
  | 'is_last'
> & { readonly started_ms: string | null; readonly ended_ms: string };

/** What lines of a task come to, as they are and as they would be. */
export interface Difference {
  readonly project: string;
  readonly taskId: string;
  attempts: number;
  before: ExactAmount;
  after: ExactAmount;
}
export interface Rerated {
  readonly differences: readonly Difference[];
  readonly unrated: number;
}

/** The lines of a period by another list; by the lists that held where there is none. */
export interface RatingScope {
  readonly from: number;
  readonly to: number;
  readonly list?: PriceList | undefined;
}

const attemptOf = (row: RatedLine): EndedAttempt => {
  const { cpu_model: cpuModel, specification_key: specificationKey, project_uuid: projectUuid, plan, owner } = row;
  const endedAt = Number(row.ended_ms);
  // The columns hold what the ledger wrote of an attempt.
  const cause = row.cause as AttemptEnd['cause'];
  const terms = {
    ...{ id: row.task_id, kind: row.kind as 'task' | 'pool', owner, shortname: '', projectUuid, tags: [], labels: {} },
    ...{ plan: plan as 'flex', constrained: row.constrained, memoryMB: row.memory_mb, sequence: 0 },
  };
  const end: AttemptEnd = {
    ...{ instance: row.instance, attempt: row.attempt, leaseId: '', node: row.node, endedAt },
    outcome: row.outcome as AttemptEnd['outcome'],
    ...(cause ? { cause } : {}),
    cores: row.milli_cores / 1_000,
    hardware: { specificationKey, cpuModel, cores: 0, ghz: row.milli_ghz / 1_000 },
    uploadedFiles: 0,
    uploadedBytes: 0,
  };
  const usage =
    row.started_ms === null
      ? undefined
      : {
          ...{ from: Number(row.started_ms), until: endedAt, node: row.node, cpuModel, specificationKey },
          ...{ milliCores: row.milli_cores, milliGhz: row.milli_ghz, memoryMB: row.memory_mb },
          ...{
            plan: terms.plan,
            constrained: row.constrained,
            cause: row.outcome === 'success' ? null : (cause ?? null),
          },
        };
  return { terms, end, usage, isLast: row.is_last, sequence: 0, commitId: '' };
};

/** Whether prices depend on what else was used in a month, so that all of its lines are needed. */
export const needsMonths = (lists: readonly PriceList[]): boolean =>
  lists.some(({ volumeDiscounts = [] }) => volumeDiscounts.length > 0);
/** Whether prices depend on earlier attempts of the same instance. */
export const needsEarlier = (lists: readonly PriceList[]): boolean =>
  lists.some(({ minimumMicros = 0 }) => minimumMicros > 0);

/** The first instant of the month (UTC) of an instant, and that of the next one. */
export const monthAround = (at: number): { readonly from: number; readonly to: number } => {
  const [year = 0, month = 1] = monthOf(at).split('-').map(Number);
  return { from: Date.UTC(year, month - 1, 1), to: Date.UTC(year, month, 1) };
};

/**
 * Rates lines again, in the order in which they were rated: those of a period by a list, all others of the same months by the lists that held. With the
 * lists that held it gives what the ledger has, to the part of a nano-unit.
 */
export class Rerating {
  private readonly state: BillState = emptyBill();

  constructor(
    private readonly scope: RatingScope,
    private readonly lists: readonly PublishedPriceList[],
  ) {}

  /** Takes what an instance was charged for attempts that are not among the lines. What is told again of the same instance is ignored. */
  charge(taskId: string, instance: number, amount: ExactAmount): void {
    const key = instanceKey(taskId, instance);
    // Later lines of the instance have added to it.
    if (!this.state.charged.has(key)) this.state.charged.set(key, amount);
  }

  next(rows: readonly RatedLine[]): Rerated {
    const differences = new Map<string, Difference>();
    let unrated = 0;
    for (const row of rows) {
      const attempt = attemptOf(row);
      const at = attempt.usage?.from ?? attempt.end.endedAt;
      const isOfPeriod = at >= this.scope.from && at < this.scope.to;
      const line = this.price(attempt, at, isOfPeriod);
      if (!isOfPeriod) continue;
      if (line === undefined) {
        unrated += 1;
        continue;
      }
      const project = row.project_uuid ?? row.owner;
      const key = JSON.stringify([project, row.task_id]);
      const found = differences.get(key) ?? { project, taskId: row.task_id, attempts: 0, before: 0n, after: 0n };
      found.attempts += 1;
      found.before += joined({ nanos: BigInt(row.amount_nanos), rest: BigInt(row.amount_rest) });
      found.after += line;
      differences.set(key, found);
    }
    return { differences: [...differences.values()], unrated };
  }

  private price(attempt: EndedAttempt, at: number, isOfPeriod: boolean): ExactAmount | undefined {
    const held = priceListAt(this.lists, at) ?? this.lists.at(-1)?.priceList;
    const list = (isOfPeriod ? this.scope.list : undefined) ?? held;
    const line = list && priced(this.state, attempt, list);
    return line === undefined || typeof line === 'string' ? undefined : line.rating.amount;
  }
}
