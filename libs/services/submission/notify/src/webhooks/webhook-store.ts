import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { webhookOf, type WebhookRecord, type WebhookRow } from './webhook-row.js';
import { InjectDatabase } from '../config/database.js';

/** How far a webhook has been delivered, and how that goes. */
export interface Delivery {
  /** Everything up to here was taken by the receiver. */
  readonly sequence: number;
  readonly deliveredMs: number | null;
  /** Tries that failed since the last one that did not. */
  readonly failures: number;
  readonly failingSinceMs: number | null;
  readonly lastError: string | null;
}

interface DeliveryRecord {
  readonly started_by: string;
  readonly sequence: string;
  readonly delivered_ms: string | null;
  readonly failures: number;
  readonly failing_since_ms: string | null;
  readonly last_error: string | null;
}

const MOST_ERROR_CHARS = 500;
const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

const deliveryOf = (row: WebhookRow, record: DeliveryRecord | undefined): Delivery =>
  // A position that was counted since another start is void: the webhook was told to begin elsewhere.
  record === undefined || Number(record.started_by) !== row.startedBy
    ? { sequence: row.startsAfter, deliveredMs: null, failures: 0, failingSinceMs: null, lastError: null }
    : {
        sequence: Number(record.sequence),
        deliveredMs: numberOrNull(record.delivered_ms),
        failures: record.failures,
        failingSinceMs: numberOrNull(record.failing_since_ms),
        lastError: record.last_error,
      };

/** Webhooks and their positions in Postgres. */
@Injectable()
export class WebhookStore {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  async active(): Promise<readonly WebhookRow[]> {
    return (await this.db.query<WebhookRecord[]>(`SELECT * FROM webhook WHERE state = 'active'`)).map(webhookOf);
  }

  /** Oldest first. */
  async ofOwner(owner: string): Promise<readonly WebhookRow[]> {
    const sql = 'SELECT * FROM webhook WHERE owner = $1 ORDER BY created_ms, webhook_id';
    return (await this.db.query<WebhookRecord[]>(sql, [owner])).map(webhookOf);
  }

  /** How many deliver, of how many the last try failed, and how many are parked. */
  async countByState(): Promise<{ readonly active: number; readonly failing: number; readonly parked: number }> {
    const [row] = await this.db.query<{ active: number; failing: number; parked: number }[]>(
      `SELECT count(*) FILTER (WHERE state = 'active' AND coalesce(d.failures, 0) = 0)::int AS active,
         count(*) FILTER (WHERE state = 'active' AND d.failures > 0)::int AS failing,
         count(*) FILTER (WHERE state = 'parked')::int AS parked
       FROM webhook LEFT JOIN webhook_delivery AS d USING (webhook_id, started_by)`,
    );
    return row ?? { active: 0, failing: 0, parked: 0 };
  }

  async find(webhookId: string): Promise<WebhookRow | undefined> {
    const [record] = await this.db.query<WebhookRecord[]>('SELECT * FROM webhook WHERE webhook_id = $1', [webhookId]);
    return record && webhookOf(record);
  }

  async deliveries(rows: readonly WebhookRow[]): Promise<ReadonlyMap<string, Delivery>> {
    const records = await this.db.query<(DeliveryRecord & { readonly webhook_id: string })[]>(
      'SELECT * FROM webhook_delivery WHERE webhook_id = ANY($1)',
      [rows.map(({ webhookId }) => webhookId)],
    );
    const byId = new Map(records.map((record) => [record.webhook_id, record]));
    return new Map(rows.map((row) => [row.webhookId, deliveryOf(row, byId.get(row.webhookId))]));
  }

  async delivery(row: WebhookRow): Promise<Delivery> {
    const found = (await this.deliveries([row])).get(row.webhookId);
    return found ?? deliveryOf(row, undefined);
  }

  /** Everything up to `sequence` was taken. Positions only grow, except when the webhook begins elsewhere. @param at null: nothing was sent */
  async delivered({ webhookId, startedBy }: WebhookRow, sequence: number, at: number | null): Promise<void> {
    await this.db.query(
      `INSERT INTO webhook_delivery AS d (webhook_id, started_by, sequence, delivered_ms) VALUES ($1, $2, $3, $4)
       ON CONFLICT (webhook_id) DO UPDATE SET started_by = $2,
         failures = CASE WHEN $4::bigint IS NULL AND d.started_by = $2 THEN d.failures ELSE 0 END,
         failing_since_ms = CASE WHEN $4::bigint IS NULL AND d.started_by = $2 THEN d.failing_since_ms END,
         last_error = CASE WHEN $4::bigint IS NULL AND d.started_by = $2 THEN d.last_error END,
         delivered_ms = coalesce($4, d.delivered_ms),
         sequence = CASE WHEN d.started_by = $2 THEN greatest(d.sequence, $3) ELSE $3 END
       WHERE d.started_by <= $2`,
      [webhookId, startedBy, sequence, at],
    );
  }

  async failed({ webhookId, startedBy, startsAfter }: WebhookRow, error: string, at: number): Promise<void> {
    await this.db.query(
      `INSERT INTO webhook_delivery AS d (webhook_id, started_by, sequence, failures, failing_since_ms, last_error) VALUES ($1, $2, $3, 1, $4, $5)
       ON CONFLICT (webhook_id) DO UPDATE SET started_by = $2, sequence = CASE WHEN d.started_by = $2 THEN d.sequence ELSE $3 END,
         failures = CASE WHEN d.started_by = $2 THEN d.failures + 1 ELSE 1 END, failing_since_ms = coalesce(d.failing_since_ms, $4), last_error = $5
       WHERE d.started_by <= $2`,
      [webhookId, startedBy, startsAfter, at, error.replaceAll('\0', '').toWellFormed().slice(0, MOST_ERROR_CHARS)],
    );
  }

  /** Positions of webhooks that are gone. */
  async forget(webhookId: string): Promise<void> {
    await this.db.query('DELETE FROM webhook_delivery WHERE webhook_id = $1', [webhookId]);
  }
}
