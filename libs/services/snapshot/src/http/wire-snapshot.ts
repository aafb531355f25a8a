import {
  pathPattern,
  snapshotRetentionSchema,
  wireDate,
  wireReader,
  type ListedSnapshot,
  type WireSnapshot,
} from '@fornax/contracts';
import type { SnapshotConfig, SnapshotStatus } from '@fornax/domain';
import { ValidationFailed } from '@fornax/base';
import { z } from 'zod';
import type { SnapshotRow } from '../projections/snapshot-row.js';

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

/** Null while no part has said anything. */
const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
};

/** A snapshot of many instances has many notes: as many are shown. */
const MOST_NOTES = 100;

const notesOf = ({ parts, reason, prune }: Pick<SnapshotRow, 'parts' | 'reason' | 'prune'>): string[] => {
  const ofParts = parts.flatMap(({ instance, notes }) =>
    notes.map((note) => (parts.length === 1 ? note : `Instance ${instance}: ${note}`)),
  );
  const all = [
    ...(reason === null ? [] : [`It failed: ${reason}`]),
    ...(prune === null ? [] : ['It was pruned: nothing can begin with it']),
    ...ofParts,
  ];
  const more = all.length - MOST_NOTES;
  return more > 0 ? [...all.slice(0, MOST_NOTES), `${more} more notes are left out`] : all;
};

/** Clients know no other states: one that is pruned was a success. */
const statusOf = (status: SnapshotStatus): WireSnapshot['status'] =>
  status === 'pruning' || status === 'pruned' ? 'success' : status;

export const wireSnapshot = ({
  snapshotId,
  taskId,
  config,
  status,
  triggeredAt,
  updatedAt,
  parts,
  reason,
  prune,
}: SnapshotRow): WireSnapshot => ({
  id: snapshotId,
  taskUuid: taskId,
  triggerDate: wireDate(triggeredAt),
  lastUpdateDate: wireDate(updatedAt),
  snapshotConfig: wireConfig(config),
  status: statusOf(status),
  sizeToUpload: sum(parts.map((part) => part.sizeToUploadBytes)),
  transferredSize: sum(parts.map((part) => part.transferredBytes)),
  notes: notesOf({ parts, reason, prune }),
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

export const listedSnapshot = (row: SnapshotRow): ListedSnapshot => ({
  ...wireSnapshot(row),
  dueDate: row.dueAt === null ? null : wireDate(row.dueAt),
  reason: row.reason,
  prune: row.prune && {
    cause: row.prune.cause,
    requestedDate: wireDate(row.prune.requestedAt),
    prunedDate: row.prune.prunedAt === null ? null : wireDate(row.prune.prunedAt),
  },
  parts: row.parts.map(({ instance, files, manifest }) => ({ instance, files, manifest })),
});
