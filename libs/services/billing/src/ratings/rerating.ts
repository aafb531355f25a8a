import {
  emptyBill,
  instanceKey,
  joined,
  monthOf,
  priced,
  priceListOfVersion,
  rate,
  type AttemptEnd,
  type BillLine,
  type BillState,
  type EndedAttempt,
  type ExactAmount,
  type LineCorrection,
  type PriceList,
  type PublishedPriceList,
} from '@fornax/domain';
import type { LineRow } from '../projections/ledger-rows.js';

/** Of a line, what its price depends on; its amount and its list as they are with what corrected it. */
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
  | 'price_list_version'
> & { readonly started_ms: string | null; readonly ended_ms: string };

/** What lines of a task come to, as they are and as they would be. */
export interface Difference {
  readonly project: string;
  readonly taskId: string;
  attempts: number;
  before: ExactAmount;
  after: ExactAmount;
}
/** A line whose price is another one, and what its account uses more or less before discounts in the month of its start. */
export interface Correction {
  readonly line: LineCorrection;
  readonly owner: string;
  readonly month: string;
  readonly gross: ExactAmount;
}
export interface Rerated {
  readonly differences: readonly Difference[];
  readonly corrections: readonly Correction[];
  readonly unrated: number;
}

/** The lines of a period by another list; each by the list that it has where there is none. */
export interface RatingScope {
  readonly from: number;
  readonly to: number;
  readonly list?: PriceList | undefined;
}

const currentAmount = (row: RatedLine): ExactAmount =>
  joined({ nanos: BigInt(row.amount_nanos), rest: BigInt(row.amount_rest) });

/** What it is before discounts; nothing where nobody owes anything. */
const grossBy = ({ usage }: EndedAttempt, list: PriceList): ExactAmount => {
  const rating = usage && rate(usage, list, { projectUuid: null, volume: 0n });
  return rating === undefined || typeof rating === 'string' ? 0n : rating.gross;
};

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
 * Rates lines again, in the order in which they were rated: those of a period by a list, all others of the same months by the lists that they have. With
 * these for all of them it gives what the ledger has, to the part of a nano-unit.
 */
export class Rerating {
  private readonly state: BillState = emptyBill();
  private readonly byVersion = new Map<number, PriceList | undefined>();

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
    const corrections: Correction[] = [];
    let unrated = 0;
    for (const row of rows) {
      const attempt = attemptOf(row);
      const at = attempt.usage?.from ?? attempt.end.endedAt;
      const isOfPeriod = at >= this.scope.from && at < this.scope.to;
      const own = this.ownList(row.price_list_version);
      const list = (isOfPeriod ? this.scope.list : undefined) ?? own;
      const line = list && priced(this.state, attempt, list);
      if (!isOfPeriod) continue;
      if (line === undefined || typeof line === 'string') {
        unrated += 1;
        continue;
      }
      const project = row.project_uuid ?? row.owner;
      const key = JSON.stringify([project, row.task_id]);
      const found = differences.get(key) ?? { project, taskId: row.task_id, attempts: 0, before: 0n, after: 0n };
      found.attempts += 1;
      found.before += currentAmount(row);
      found.after += line.rating.amount;
      differences.set(key, found);
      const correction = correctionOf(row, line, own ? grossBy(attempt, own) : 0n);
      if (correction) corrections.push(correction);
    }
    return { differences: [...differences.values()], corrections, unrated };
  }

  private ownList(version: number): PriceList | undefined {
    if (!this.byVersion.has(version)) this.byVersion.set(version, priceListOfVersion(this.lists, version));
    return this.byVersion.get(version);
  }
}

/** Undefined where nothing is another: a list that asks nothing, as the one before, changes nothing either. */
const correctionOf = (row: RatedLine, line: BillLine, grossBefore: ExactAmount): Correction | undefined => {
  const { task_id: taskId, instance, attempt } = row;
  const { rating, priceList, terms, usage } = line;
  const parts = rating.amount - currentAmount(row);
  const isOther = priceList.version !== row.price_list_version && rating.gross !== 0n;
  if (parts === 0n && rating.gross === grossBefore && !isOther) return undefined;
  return {
    line: { taskId, instance, attempt, parts: String(parts), rule: rating.rule, priceListVersion: priceList.version },
    owner: terms.owner,
    month: monthOf(usage?.from ?? line.end.endedAt),
    gross: rating.gross - grossBefore,
  };
};
