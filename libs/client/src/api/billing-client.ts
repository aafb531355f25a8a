import { publishedListSchema, type WirePublishedList } from '@fornax/contracts';
import type { JsonCall, OpenStream } from './api-connection.js';
import { readAudit, type LogAuditMessage } from './log-audit.js';
import { trusted } from './wire-types.js';

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

/** Price lists, and what has no price. */
export class BillingClient {
  constructor(
    private readonly json: JsonCall,
    private readonly open: OpenStream,
  ) {}

  /** Compares the ledger with the whole log, on the platform. Operators. @throws ApiError, or Error it broke off before its end */
  async *audit(signal: AbortSignal): AsyncGenerator<LogAuditMessage> {
    yield* readAudit(await this.open('/fornax/v1/billing/audit', {}, signal));
  }

  /** Publishes the next price list. Operators. @param document as docs/reference/price-list.schema.json says @throws ApiError 400 with `errors` by place */
  publishPrices(document: unknown): Promise<WirePublishedList> {
    return this.json('POST', PRICES, publishedListSchema, { body: document });
  }

  /** In the order of their publication. */
  prices(): Promise<readonly WirePublishedList[]> {
    return this.json('GET', PRICES, publishedListSchema.array());
  }

  /** One list, as the document that says it. */
  priceList(version: number): Promise<object> {
    return this.json('GET', `${PRICES}/${version}`, trusted<object>());
  }

  /** What has no price yet. Operators. */
  unrated(): Promise<{ readonly count: number; readonly attempts: readonly UnratedAttempt[] }> {
    return this.json(
      'GET',
      '/fornax/v1/billing/unrated',
      trusted<{ readonly count: number; readonly attempts: readonly UnratedAttempt[] }>(),
    );
  }
}
