import { z } from 'zod';

const text = z.string();
const place = { at: z.number(), by: text };

/**
 * What happens to an entry of the quarantine, one message each on its own subject. `by` is the service that found it, or the operator who
 * decided (`user:<account id>`).
 */
export const quarantineRecordSchema = z.discriminatedUnion('kind', [
  /** A message that no reader understands. */
  z.object({
    kind: z.literal('unreadable'),
    ...place,
    stream: text,
    /** Of the event log; null for streams that only pass messages on. */
    epoch: text.nullable(),
    sequence: z.number(),
    subject: text,
    aggregate: text.nullable(),
    aggregateId: text.nullable(),
    reason: text,
    sizeBytes: z.number(),
    /** Base64, of streams that forget what was acknowledged; null where the stream itself keeps it. */
    body: text.nullable(),
    headers: z.array(z.tuple([text, text])),
    /**
     * The event log itself is damaged there, from `sequence` to `through`: nobody goes past it until an operator has decided. Absent: the
     * message is whole, and only not understood.
     */
    damage: z.object({ through: z.number(), missing: z.number() }).optional(),
  }),
  /** A fold that threw on an aggregate: what it makes of that aggregate stands where it stood before `sequence`. */
  z.object({
    kind: z.literal('stopped'),
    ...place,
    follower: text,
    epoch: text.nullable(),
    sequence: z.number(),
    aggregate: text,
    aggregateId: text,
    reason: text,
  }),
  /** An operator says that it is to be left out for good. */
  z.object({ kind: z.literal('dropped'), ...place, reason: text.nullable() }),
  /** An operator asks to fold it again; whoever runs the fold says how that went. */
  z.object({ kind: z.literal('retry-asked'), ...place, reason: text.nullable() }),
  z.object({ kind: z.literal('retried'), ...place, reason: text.nullable() }),
]);
export type QuarantineRecord = z.output<typeof quarantineRecordSchema>;
export type UnreadableRecord = Extract<QuarantineRecord, { kind: 'unreadable' }>;
export type StoppedRecord = Extract<QuarantineRecord, { kind: 'stopped' }>;
