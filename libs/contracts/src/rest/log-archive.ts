import { z } from 'zod';

const sequence = z.int().min(0);

/** The archive of the event log. */
export const logArchiveSchema = z.object({
  epoch: z.string().nullable().describe('Of the log that the archive is looked at for; null when there is none'),
  logs: z.array(z.string()).describe('Epochs of all logs of which there is anything'),
  segments: sequence.describe('Segments that the log says there are'),
  to: sequence.describe('Last sequence in them'),
  head: sequence.describe('Last sequence of the log'),
  hash: z.string().describe('Of the last segment: it covers all before'),
  left: sequence.describe('Last sequence that has left the log, and is read from the archive alone; 0 for none'),
  first: sequence.describe('First sequence that the log itself still holds: what has left is taken out of it later'),
  kept: sequence.describe('Commits that the log itself holds'),
  bytes: sequence.describe('Their size'),
  retentionMs: sequence.nullable().describe('How old what leaves the log is at least; null: nothing leaves'),
  stays: z
    .string()
    .nullable()
    .describe('Why nothing leaves the log at present although a rule says so, when there is a reason'),
});
export type WireLogArchive = z.output<typeof logArchiveSchema>;

const archiveFindingSchema = z.object({
  segment: z.int(),
  key: z.string().nullable().describe('Of its object; null when there is none'),
  sequence: z.int().nullable().describe('First sequence that is touched, where that is known'),
  offset: z.int().nullable().describe('Where in the object the piece begins that is wrong'),
  reason: z.string(),
});
export type WireArchiveFinding = z.output<typeof archiveFindingSchema>;

/** What a part of the archive holds. */
export const archiveVerificationSchema = z.object({
  epoch: z.string().nullable(),
  segments: z.int().describe('Segments that were looked at'),
  messages: z.int(),
  bytes: z.int().describe('Bytes of these messages'),
  compared: z.int().describe('Segments that were compared with the log'),
  to: sequence.describe('Last sequence that was looked at'),
  hash: z.string().describe('Of the last segment'),
  next: z.string().nullable().describe('`after` of the next part; null at the end'),
  findings: z.array(archiveFindingSchema),
});
export type WireArchiveVerification = z.output<typeof archiveVerificationSchema>;

/** How far a lost log is put back. */
export const logRestoreSchema = z.object({
  state: z.enum(['none', 'running', 'done', 'failed']),
  log: z.string().nullable().describe('Epoch of the log'),
  restored: sequence.describe('Last sequence that is back'),
  to: sequence.describe('Last sequence that will be; 0 while the archive is being compared'),
  reason: z.string().nullable().describe('Why it failed'),
});
export type WireLogRestore = z.output<typeof logRestoreSchema>;
