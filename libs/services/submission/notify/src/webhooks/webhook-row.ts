import type { RecordedCommit } from '@fornax/contracts';
import type { WebhookEvent, WebhookFilter } from '@fornax/domain';

/** A webhook as its events left it. */
export interface WebhookRow {
  readonly webhookId: string;
  readonly owner: string;
  readonly name: string;
  readonly host: string;
  readonly sealedUrl: string;
  readonly sealedSecret: string;
  readonly filter: WebhookFilter;
  readonly state: 'active' | 'parked';
  readonly parkedReason: string | null;
  readonly parkedSequence: number | null;
  readonly parkedMs: number | null;
  /** Deliveries begin after this place in the log... */
  readonly startsAfter: number;
  /** ...as the commit at this place said: a position counted since another one is void. */
  readonly startedBy: number;
  readonly createdMs: number;
  /** Sequence of its last commit. */
  readonly version: number;
}

const notParked = { state: 'active', parkedReason: null, parkedSequence: null, parkedMs: null } as const;

const applyEvent = (row: WebhookRow | null, event: WebhookEvent, sequence: number): WebhookRow | null => {
  if (event.type === 'WebhookRegistered') {
    const { type: _, at, after, ...facts } = event;
    return { ...facts, ...notParked, startsAfter: after, startedBy: sequence, createdMs: at, version: sequence };
  }
  if (row === null) return null;
  const next = { ...row, version: sequence };
  switch (event.type) {
    case 'WebhookParked':
      return {
        ...next,
        state: 'parked',
        parkedReason: event.reason,
        parkedSequence: event.sequence,
        parkedMs: event.at,
      };
    case 'WebhookResumed':
      return { ...next, ...notParked };
    case 'WebhookReplayed':
      return { ...next, ...notParked, startsAfter: event.after, startedBy: sequence };
    case 'WebhookDeleted':
      return null;
  }
};

const isWebhookCommit = (commit: RecordedCommit): commit is RecordedCommit<WebhookEvent> =>
  commit.aggregate === 'webhook';

/** Folds one commit onto a webhook. @returns null when there is none (any more) */
export const applyWebhookCommit = (row: WebhookRow | null, commit: RecordedCommit): WebhookRow | null =>
  isWebhookCommit(commit)
    ? commit.events.reduce<WebhookRow | null>((before, event) => applyEvent(before, event, commit.sequence), row)
    : row;

/** A row of `webhook` as Postgres gives it. */
export interface WebhookRecord {
  readonly webhook_id: string;
  readonly owner: string;
  readonly name: string;
  readonly host: string;
  readonly sealed_url: string;
  readonly sealed_secret: string;
  readonly filter: WebhookFilter;
  readonly state: 'active' | 'parked';
  readonly parked_reason: string | null;
  readonly parked_sequence: string | null;
  readonly parked_ms: string | null;
  readonly starts_after: string;
  readonly started_by: string;
  readonly created_ms: string;
  readonly version: string;
}

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

export const webhookOf = (record: WebhookRecord): WebhookRow => ({
  webhookId: record.webhook_id,
  owner: record.owner,
  name: record.name,
  host: record.host,
  sealedUrl: record.sealed_url,
  sealedSecret: record.sealed_secret,
  filter: record.filter,
  state: record.state,
  parkedReason: record.parked_reason,
  parkedSequence: numberOrNull(record.parked_sequence),
  parkedMs: numberOrNull(record.parked_ms),
  startsAfter: Number(record.starts_after),
  startedBy: Number(record.started_by),
  createdMs: Number(record.created_ms),
  version: Number(record.version),
});

export const recordOf = (row: WebhookRow): object => ({
  webhook_id: row.webhookId,
  owner: row.owner,
  name: row.name,
  host: row.host,
  sealed_url: row.sealedUrl,
  sealed_secret: row.sealedSecret,
  filter: row.filter,
  state: row.state,
  parked_reason: row.parkedReason,
  parked_sequence: row.parkedSequence,
  parked_ms: row.parkedMs === null ? null : Math.round(row.parkedMs),
  starts_after: row.startsAfter,
  started_by: row.startedBy,
  created_ms: Math.round(row.createdMs),
  version: row.version,
});
