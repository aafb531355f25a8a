import { Injectable } from '@nestjs/common';
import { dayOf, PARTS_PER_MICRO, rounded, type BudgetState, type ExactAmount } from '@fornax/domain';
import type { Queries } from '../projections/ledger-state.js';
import { RunningCosts } from './running-costs.js';

/** What is counted: all that an account uses, or what a project uses in a time of whole days (UTC). */
export type Counted =
  | { readonly id: string; readonly account: string }
  | ({ readonly id: string } & Pick<BudgetState, 'projectId' | 'from' | 'until'>);

const MONTHS =
  'SELECT owner AS id, sum(net_parts) AS parts FROM month_usage WHERE owner = ANY($1::text[]) GROUP BY owner';
const DAYS = `SELECT id, sum(net_parts) AS parts
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS counted (id, project_uuid, first_day, end_day)
  JOIN project_day USING (project_uuid) WHERE day >= first_day AND (end_day IS NULL OR day < end_day) GROUP BY id`;

/** Sums up what was used, what runs included. */
@Injectable()
export class Consumption {
  constructor(private readonly running: RunningCosts) {}

  /** Micro-units of each, by its id, rounded once. @param db a transaction of one moment: what runs and what is billed are read in it */
  async of(db: Queries, counted: readonly Counted[]): Promise<ReadonlyMap<string, number>> {
    const accounts = counted.flatMap((one) => ('account' in one ? [one] : []));
    const projects = counted.flatMap((one) => ('account' in one ? [] : [one]));
    const parts = new Map<string, ExactAmount>();
    const add = (id: string, amount: ExactAmount): void => void parts.set(id, (parts.get(id) ?? 0n) + amount);
    const running = await this.running.each(db, {
      owners: accounts.map(({ account }) => account),
      projects: projects.map(({ projectId }) => projectId),
    });
    const ofOwner = Map.groupBy(running, ({ owner }) => owner);
    for (const { id, account } of accounts) for (const { amount } of ofOwner.get(account) ?? []) add(id, amount);
    const ofProject = Map.groupBy(running, ({ projectUuid }) => projectUuid);
    for (const { id, projectId, from, until } of projects)
      for (const { startedAt, amount } of ofProject.get(projectId) ?? [])
        if (startedAt >= from && (until === null || startedAt < until)) add(id, amount);
    const idsOf = Map.groupBy(accounts, ({ account }) => account);
    type Sums = readonly { readonly id: string; readonly parts: string }[];
    if (accounts.length > 0)
      for (const sum of await db.query<Sums>(MONTHS, [[...idsOf.keys()]]))
        for (const { id } of idsOf.get(sum.id) ?? []) add(id, BigInt(sum.parts));
    if (projects.length > 0) {
      const lists = [
        projects.map(({ id }) => id),
        projects.map(({ projectId }) => projectId),
        projects.map(({ from }) => dayOf(from)),
        projects.map(({ until }) => (until === null ? null : dayOf(until))),
      ];
      for (const sum of await db.query<Sums>(DAYS, lists)) add(sum.id, BigInt(sum.parts));
    }
    return new Map(counted.map(({ id }) => [id, Number(rounded(parts.get(id) ?? 0n, PARTS_PER_MICRO))]));
  }
}
