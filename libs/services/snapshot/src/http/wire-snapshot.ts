import { pathPattern, wireDate, wireReader } from '@fornax/contracts';
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

/** Contract, section 3.20, and notes. */
export const snapshotSchema = z.object({
  id: z.string(),
  taskUuid: z.string(),
  triggerDate: z.string(),
  lastUpdateDate: z.string(),
  snapshotConfig: z.object({
    whitelist: z.string().nullable(),
    blacklist: z.string().nullable(),
    bucket: z.string(),
    bucketPrefix: z.string().nullable(),
  }),
  status: z.enum(['triggered', 'inProgress', 'success', 'failure'] satisfies SnapshotStatus[]),
  sizeToUpload: z.number().nullable(),
  transferredSize: z.number().nullable(),
  /** Ours: why it failed, and what is not in it and why. */
  notes: z.array(z.string()),
});
export type WireSnapshot = Readonly<z.output<typeof snapshotSchema>>;

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

const notesOf = ({ parts, reason }: Pick<SnapshotRow, 'parts' | 'reason'>): string[] => {
  const ofParts = parts.flatMap(({ instance, notes }) =>
    notes.map((note) => (parts.length === 1 ? note : `Instance ${instance}: ${note}`)),
  );
  const all = reason === null ? ofParts : [`It failed: ${reason}`, ...ofParts];
  const more = all.length - MOST_NOTES;
  return more > 0 ? [...all.slice(0, MOST_NOTES), `${more} more notes are left out`] : all;
};

export const wireSnapshot = ({
  snapshotId,
  state,
  triggeredAt,
  updatedAt,
  parts,
  reason,
}: SnapshotRow): WireSnapshot => ({
  id: snapshotId,
  taskUuid: state.taskId,
  triggerDate: wireDate(triggeredAt),
  lastUpdateDate: wireDate(updatedAt),
  snapshotConfig: wireConfig(state.config),
  status: state.status,
  sizeToUpload: sum(parts.map((part) => part.sizeToUploadBytes)),
  transferredSize: sum(parts.map((part) => part.transferredBytes)),
  notes: notesOf({ parts, reason }),
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

/** One of the snapshots of a task: ours. */
const listedSnapshotSchema = snapshotSchema.extend({
  /** When it was due, if it is a periodic one. */
  dueDate: z.string().nullable(),
  /** Why it failed. */
  reason: z.string().nullable(),
  /** By instance. `manifest`: the digest of what it has of the instance, an object of the area `.manifests`; null: nobody can begin with it. */
  parts: z.array(z.object({ instance: z.number(), files: z.number().nullable(), manifest: z.string().nullable() })),
});
export const snapshotListSchema = z.object({ snapshots: z.array(listedSnapshotSchema) });
export type WireSnapshotList = Readonly<z.output<typeof snapshotListSchema>>;

export const listedSnapshot = (row: SnapshotRow): WireSnapshotList['snapshots'][number] => ({
  ...wireSnapshot(row),
  dueDate: row.dueAt === null ? null : wireDate(row.dueAt),
  reason: row.reason,
  parts: row.parts.map(({ instance, files, manifest }) => ({ instance, files, manifest })),
});
