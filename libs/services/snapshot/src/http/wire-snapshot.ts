import {
  pathPattern,
  snapshotRetentionSchema,
  wireDate,
  wireReader,
  type ListedSnapshot,
  type WireSnapshotSummary,
  type WireSnapshot,
} from '@fornax/contracts';
import type { SnapshotConfig, SnapshotStatus } from '@fornax/domain';
import { ValidationFailed } from '@fornax/base';
import { z } from 'zod';
import type { SnapshotRow, SnapshotSummary } from '../projections/snapshot-row.js';
import { sumsOf } from '../projections/snapshot-summaries.js';

const name = z.string().max(1_024);

export const triggerSchema = z.object({
  whitelist: pathPattern.optional(),
  blacklist: pathPattern.optional(),
  bucket: name.optional(),
  bucketPrefix: name.optional(),
});
export const periodicSchema = triggerSchema.extend({
  interval: z
    .number('The interval is a number of seconds.')
    .int('The interval is a whole number of seconds.')
    .min(0, 'The interval must not be negative.'),
  /** Ours. `snapshotRetention`: which are kept from now on; null: all. */
  fornax: z.strictObject({ snapshotRetention: snapshotRetentionSchema.nullable().optional() }).optional(),
});
export type PeriodicRequest = z.output<typeof periodicSchema>;
export type TriggerRequest = z.output<typeof triggerSchema>;

const readerOf = <S extends z.ZodType>(schema: S): ((body: unknown) => z.output<S>) => {
  const read = wireReader(schema);
  return (body) => {
    const result = read(body ?? {});
    if (!result.ok) throw new ValidationFailed(result.errors);
    return result.value;
  };
};

/** The body of `POST /tasks/{id}/snapshot`, which may be missing. @throws ValidationFailed */
export const readTrigger = readerOf(triggerSchema);
/** The body of `POST /tasks/{id}/snapshot/periodic`. @throws ValidationFailed */
export const readPeriodic = readerOf(periodicSchema);

const wireConfig = ({ whitelist, blacklist, bucket, prefix }: SnapshotConfig): WireSnapshot['snapshotConfig'] => ({
  whitelist,
  blacklist,
  bucket,
  bucketPrefix: prefix,
});

/** A snapshot of many instances has many notes: as many are shown. */
export const MOST_NOTES = 100;

/** What is said of the snapshot itself. */
const ownNotesOf = ({ reason, prune }: Pick<SnapshotSummary, 'reason' | 'prune'>): string[] => [
  ...(reason === null ? [] : [`It failed: ${reason}`]),
  ...(prune === null ? [] : ['It was pruned: nothing can begin with it']),
];

const notesOf = (summary: Pick<SnapshotSummary, 'sums' | 'reason' | 'prune'>): string[] => {
  const own = ownNotesOf(summary);
  const { instances, notes, noteCount } = summary.sums;
  const ofParts = notes.flatMap((part) =>
    part.notes.map((note) => (instances === 1 ? note : `Instance ${part.instance}: ${note}`)),
  );
  const more = own.length + noteCount - MOST_NOTES;
  const shown = [...own, ...ofParts].slice(0, MOST_NOTES);
  return more > 0 ? [...shown, `${more} more notes are left out`] : shown;
};

/** Clients know no other states: one that is pruned was a success. */
const statusOf = (status: SnapshotStatus): WireSnapshot['status'] =>
  status === 'pruning' || status === 'pruned' ? 'success' : status;

export const wireSnapshot = (summary: SnapshotSummary): WireSnapshot => ({
  id: summary.snapshotId,
  taskUuid: summary.taskId,
  triggerDate: wireDate(summary.triggeredAt),
  lastUpdateDate: wireDate(summary.updatedAt),
  snapshotConfig: wireConfig(summary.config),
  status: statusOf(summary.status),
  sizeToUpload: summary.sums.sizeToUploadBytes,
  transferredSize: summary.sums.transferredBytes,
  notes: notesOf(summary),
});

/** One that was triggered this moment. */
export const newWireSnapshot = (id: string, taskUuid: string, config: SnapshotConfig, at: number): WireSnapshot => ({
  id,
  taskUuid,
  triggerDate: wireDate(at),
  lastUpdateDate: wireDate(at),
  snapshotConfig: wireConfig(config),
  status: 'triggered',
  sizeToUpload: null,
  transferredSize: null,
  notes: [],
});

const summaryOf = (summary: SnapshotSummary): WireSnapshotSummary => ({
  ...wireSnapshot(summary),
  dueDate: summary.dueAt === null ? null : wireDate(summary.dueAt),
  reason: summary.reason,
  prune: summary.prune && {
    cause: summary.prune.cause,
    requestedDate: wireDate(summary.prune.requestedAt),
    prunedDate: summary.prune.prunedAt === null ? null : wireDate(summary.prune.prunedAt),
  },
  instances: summary.sums.instances,
  files: summary.sums.files,
});

/** As a list shows it: without what its instances say. */
export const snapshotSummary = (summary: SnapshotSummary): WireSnapshotSummary => ({
  ...summaryOf(summary),
  notes: ownNotesOf(summary),
});

export const listedSnapshot = ({ parts, ...head }: SnapshotRow): ListedSnapshot => ({
  ...summaryOf({ ...head, sums: sumsOf(parts) }),
  parts: parts.map(({ instance, files, manifest }) => ({ instance, files, manifest })),
});
