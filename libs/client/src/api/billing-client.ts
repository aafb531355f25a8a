import type {
  AuditMessage,
  TaskCost,
  WireClosedMonth,
  WireCreditsOfAccount,
  WireMeters,
  WireOwnBudget,
  WirePublishedList,
  WireRating,
  WireRatingProgress,
  WireStatement,
} from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall, OpenStream } from './api-connection.js';
import { readSse } from './sse.js';
import { readAudit } from './log-audit.js';
import { trusted } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/billing.js'));

const BUDGETS = '/fornax/v1/billing/budgets';
const creditsOf = (account: string): string => `/fornax/v1/billing/accounts/${encodeURIComponent(account)}/credits`;
const PRICES = '/fornax/v1/billing/prices';

/** An attempt that has no price yet. */
export interface UnratedAttempt {
  readonly taskId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly owner: string;
  readonly reason: string;
  readonly sequence: number;
}

export interface Unrated {
  /** Of both. */
  readonly count: number;
  readonly attempts: readonly UnratedAttempt[];
  /** Readings of meters of storage. */
  readonly readings: number;
}

/** What a statement is of; see the API. */
export interface StatementWish {
  readonly from: string;
  readonly to?: string;
  readonly groupBy: string;
  readonly timeZone?: string;
  readonly account?: string;
  readonly project?: string;
  /** As of a commit of the log. */
  readonly through?: number;
}
const STATEMENTS = '/fornax/v1/billing/statements';
const METERS = '/fornax/v1/billing/meters';
const INVOICES = '/fornax/v1/billing/invoices';
const MONTHS = '/fornax/v1/billing/months';
const RATINGS = '/fornax/v1/billing/ratings';
const queryOf = (wish: object): string =>
  new URLSearchParams(
    Object.entries(wish).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  ).toString();

/** Price lists, and what has no price. */
export class BillingClient {
  constructor(
    private readonly json: JsonCall,
    private readonly open: OpenStream,
  ) {}

  /** Compares the ledger with the whole log, on the platform. Operators. @throws ApiError, or Error it broke off before its end */
  async *audit(signal: AbortSignal): AsyncGenerator<AuditMessage> {
    yield* readAudit(await this.open('/fornax/v1/billing/audit', {}, signal));
  }

  /** Publishes the next price list. Operators. @param document as docs/reference/price-list.schema.json says @throws ApiError 400 with `errors` by place */
  publishPrices(document: unknown): Promise<WirePublishedList> {
    return this.json('POST', PRICES, schema('publishedListSchema'), { body: document });
  }

  /** In the order of their publication. */
  prices(): Promise<readonly WirePublishedList[]> {
    return this.json('GET', PRICES, schema('publishedListsSchema'));
  }

  /** One list, as the document that says it. */
  priceList(version: number): Promise<object> {
    return this.json('GET', `${PRICES}/${version}`, trusted<object>());
  }

  /** What has no price yet. Operators. */
  unrated(): Promise<Unrated> {
    return this.json('GET', '/fornax/v1/billing/unrated', trusted<Unrated>());
  }

  /** What was used in a period: a page of its rows. */
  statement(wish: StatementWish & { readonly offset?: number; readonly limit?: number }): Promise<WireStatement> {
    return this.json('GET', `${STATEMENTS}?${queryOf(wish)}`, schema('statementSchema'));
  }

  /** What buckets held and sent out in a period: a page of its rows. */
  meters(wish: StatementWish & { readonly offset?: number; readonly limit?: number }): Promise<WireMeters> {
    return this.json('GET', `${METERS}?${queryOf(wish)}`, schema('metersSchema'));
  }

  /** The same as CSV. */
  async metersCsv(wish: StatementWish & { readonly limit?: number }, signal?: AbortSignal): Promise<string> {
    return (await this.open(`${METERS}?${queryOf({ ...wish, format: 'csv' })}`, {}, signal)).text();
  }

  /** The same with all rows, as CSV, in pieces. @param proved takes, before the first, what proves the range of the log that it was folded from */
  async *statementCsv(
    wish: StatementWish,
    format: 'csv' | 'focus',
    { signal, proved }: { readonly signal?: AbortSignal; readonly proved?: (proof: string) => Promise<void> } = {},
  ): AsyncGenerator<string> {
    const { body, headers } = await this.open(`${STATEMENTS}?${queryOf({ ...wish, format })}`, {}, signal);
    await proved?.(headers.get('fornax-log-proof') ?? '');
    const decoder = new TextDecoder();
    for await (const piece of body ?? []) yield decoder.decode(piece, { stream: true });
  }

  /** What a project used in a month (YYYY-MM), as a page to print. */
  async invoice(project: string, month: string, timeZone: string, signal?: AbortSignal): Promise<string> {
    const path = `${INVOICES}/${encodeURIComponent(project)}/${encodeURIComponent(month)}?${queryOf({ timeZone })}`;
    return (await this.open(path, {}, signal)).text();
  }

  /** Begins to rate a period again. Operators. @throws ApiError 400 with `errors` by place */
  beginRating(request: object): Promise<WireRating> {
    return this.json('POST', RATINGS, schema('ratingSchema'), { body: request });
  }

  /** How far it is, and what it would change. Operators. */
  rating(id: string, page: { readonly by: 'project' | 'task'; readonly limit?: number }): Promise<WireRating> {
    return this.json('GET', `${RATINGS}/${encodeURIComponent(id)}?${queryOf(page)}`, schema('ratingSchema'));
  }

  /** What a task of one's own has cost, will cost, and would have elsewhere. */
  taskCost(id: string): Promise<TaskCost> {
    return this.json('GET', `/fornax/v1/billing/tasks/${encodeURIComponent(id)}/cost`, schema('taskCostSchema'));
  }

  /** Books the difference of a rating, in the background, and once however often it is asked for. Operators. */
  commitRating(id: string, key?: string): Promise<WireRating> {
    return this.json('POST', `${RATINGS}/${encodeURIComponent(id)}/commit`, schema('ratingSchema'), { body: {}, key });
  }

  /** How far a rating is, each time that it has come further, until nobody works at it any more. Operators. */
  async *followRating(id: string, signal: AbortSignal): AsyncGenerator<WireRatingProgress> {
    const response = await this.open(`${RATINGS}/${encodeURIComponent(id)}/events`, {}, signal);
    const progress = await schema('ratingProgressSchema')();
    for await (const { event, data } of readSse(response))
      if (event === 'rating' && data !== undefined) yield progress.parse(JSON.parse(data));
  }

  /** Months that are closed, the newest first. */
  closedMonths(): Promise<readonly WireClosedMonth[]> {
    return this.json('GET', MONTHS, schema('closedMonthsSchema'));
  }

  /** Closes a month that is over, and those before it. Operators. */
  closeMonth(month: string): Promise<readonly WireClosedMonth[]> {
    return this.json('POST', `${MONTHS}/${encodeURIComponent(month)}/close`, schema('closedMonthsSchema'), {
      body: {},
    });
  }

  /** Credits of an account: `me`, an id or an e-mail. */
  credits(account: string): Promise<WireCreditsOfAccount> {
    return this.json('GET', creditsOf(account), schema('creditsOfAccountSchema'));
  }

  /** Grants, charges or adjusts credits. Operators. @param booking with an id of the caller's making, so that it may be repeated */
  bookCredits(account: string, booking: object): Promise<WireCreditsOfAccount> {
    return this.json('POST', creditsOf(account), schema('creditsOfAccountSchema'), { body: booking });
  }

  /** Budgets of a project, archived ones too. */
  budgets(project: string): Promise<readonly WireOwnBudget[]> {
    return this.json('GET', `${BUDGETS}?project=${encodeURIComponent(project)}`, schema('ownBudgetsSchema'));
  }

  /** Operators and coordinators. */
  createBudget(budget: object, key?: string): Promise<WireOwnBudget> {
    return this.json('POST', BUDGETS, schema('ownBudgetSchema'), { body: budget, key });
  }

  /** Operators and coordinators. What is absent stays. */
  changeBudget(id: string, change: object): Promise<WireOwnBudget> {
    return this.json('PATCH', `${BUDGETS}/${encodeURIComponent(id)}`, schema('ownBudgetSchema'), { body: change });
  }

  /** Operators and coordinators. */
  archiveBudget(id: string): Promise<WireOwnBudget> {
    return this.json('DELETE', `${BUDGETS}/${encodeURIComponent(id)}`, schema('ownBudgetSchema'));
  }
}
