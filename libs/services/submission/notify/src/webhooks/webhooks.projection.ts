import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { applyWebhookCommit, recordOf, webhookOf, type WebhookRecord, type WebhookRow } from './webhook-row.js';

/** Name of the projection and of its checkpoint. */
export const WEBHOOKS = 'webhooks';

const TYPES = `webhook_id text, owner text, name text, host text, sealed_url text, sealed_secret text, filter jsonb, state text,
  parked_reason text, parked_sequence bigint, parked_ms bigint, starts_after bigint, started_by bigint, created_ms bigint, version bigint`;

/** Which webhooks there are, and which are parked. */
@Injectable()
export class WebhooksProjection implements Projection {
  readonly name = WEBHOOKS;
  readonly version = 1;
  readonly aggregates = ['webhook'] as const;
  readonly tables = ['webhook'] as const;
  readonly paceMs = 20;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const ids = [...new Set(batch.map(({ aggregateId }) => aggregateId))];
    const records = await tx.query<WebhookRecord[]>('SELECT * FROM webhook WHERE webhook_id = ANY($1)', [ids]);
    const rows = new Map<string, WebhookRow | null>(records.map((record) => [record.webhook_id, webhookOf(record)]));
    for (const commit of batch) {
      rows.set(commit.aggregateId, applyWebhookCommit(rows.get(commit.aggregateId) ?? null, commit));
    }
    const kept = [...rows.values()].filter((row) => row !== null);
    await tx.query('DELETE FROM webhook WHERE webhook_id = ANY($1)', [ids]);
    if (kept.length === 0) return;
    await tx.query(`INSERT INTO webhook SELECT * FROM json_to_recordset($1::json) AS r(${TYPES})`, [
      JSON.stringify(kept.map(recordOf)),
    ]);
  }
}
