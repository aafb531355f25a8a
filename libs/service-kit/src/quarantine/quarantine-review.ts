import { Inject, Injectable } from '@nestjs/common';
import { STREAMS, type UnreadableRecord } from '@fornax/contracts';
import {
  isUndecided,
  JetStreamLog,
  LogUnavailable,
  Quarantine,
  type EventLog,
  type QuarantineEntry,
} from '@fornax/event-store';
import { z } from 'zod';
import { type Clock, Conflict, NotFound, Unavailable } from '@fornax/base';
import { CLOCK, EVENT_LOG } from '../core/tokens.js';

const SHOWN_BYTES = 4_096;
const SHOWN_HEADERS = 32;
const SHOWN_VALUE = 256;
/** A projection of millions of events takes longer; the entry says `retrying` until it is done. */
const RETRY_WAIT_MS = 25_000;

export const entrySchema = z.object({
  id: z.string(),
  state: z.enum(['open', 'retrying', 'dropped', 'retried']),
  kind: z.enum(['unreadable', 'stopped', 'damaged']),
  reason: z.string(),
  stream: z.string(),
  sequence: z.int(),
  subject: z.string().nullable(),
  aggregate: z.string().nullable(),
  aggregateId: z.string().nullable(),
  /** Whose fold has stopped; null for a message. */
  follower: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  foundAt: z.iso.datetime(),
  foundBy: z.string(),
  decision: z.object({ by: z.string(), at: z.iso.datetime(), reason: z.string().nullable() }).nullable(),
});
export type EntryView = z.output<typeof entrySchema>;

export const detailSchema = entrySchema.extend({
  storedAt: z.string().nullable(),
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  body: z
    .object({ encoding: z.enum(['text', 'hex']), value: z.string(), isCut: z.boolean() })
    .nullable()
    .describe('The first 4096 bytes: as text when they are UTF-8, as hex digits otherwise'),
});
export type EntryDetail = z.output<typeof detailSchema>;

const isoOf = (at: number): string => new Date(at).toISOString();

const viewOf = ({ id, state, what, decision }: QuarantineEntry): EntryView => ({
  id,
  state,
  kind: what.kind === 'unreadable' && what.damage !== undefined ? 'damaged' : what.kind,
  reason: what.reason,
  stream: what.kind === 'unreadable' ? what.stream : STREAMS.events,
  sequence: what.sequence,
  subject: what.kind === 'unreadable' ? what.subject : null,
  aggregate: what.aggregate,
  aggregateId: what.aggregateId,
  follower: what.kind === 'stopped' ? what.follower : null,
  sizeBytes: what.kind === 'unreadable' ? what.sizeBytes : null,
  foundAt: isoOf(what.at),
  foundBy: what.by,
  decision: decision && { by: decision.by, at: isoOf(decision.at), reason: decision.reason },
});

/** Nothing in it can be taken for more than text: cut, and hex unless it is UTF-8. */
const bodyView = (data: Uint8Array): NonNullable<EntryDetail['body']> => {
  const shown = data.subarray(0, SHOWN_BYTES);
  const isCut = data.length > shown.length;
  try {
    return { encoding: 'text', value: new TextDecoder('utf-8', { fatal: true }).decode(shown), isCut };
  } catch {
    return { encoding: 'hex', value: Buffer.from(shown).toString('hex'), isCut };
  }
};

/** What an operator sees of the quarantine, and does about it. */
@Injectable()
export class QuarantineReview {
  constructor(
    private readonly quarantine: Quarantine,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  list(isAll: boolean): readonly EntryView[] {
    return this.quarantine
      .list()
      .filter((entry) => isAll || isUndecided(entry))
      .map(viewOf);
  }

  /** @throws NotFound */
  async show(id: string): Promise<EntryDetail> {
    const entry = this.entry(id);
    const { what } = entry;
    const isOfLog = what.kind === 'stopped' || what.stream === STREAMS.events;
    const message = isOfLog ? await this.jetStream()?.messageAt(what.sequence) : undefined;
    const body = message?.data ?? (await this.quarantine.bodyOf(id));
    const headers = message?.headers ?? (what.kind === 'unreadable' ? what.headers : []);
    return {
      ...viewOf(entry),
      storedAt: message?.storedAt ?? null,
      headers: headers
        .slice(0, SHOWN_HEADERS)
        .map(([name, value]) => ({ name: name.slice(0, SHOWN_VALUE), value: value.slice(0, SHOWN_VALUE) })),
      body: body === undefined ? null : bodyView(body),
    };
  }

  /**
   * Leaves it out for good. Safe to repeat.
   * @throws NotFound
   * @throws Conflict it was folded meanwhile
   */
  async drop(id: string, by: string, reason: string | null): Promise<EntryView> {
    const entry = this.entry(id);
    if (entry.state === 'dropped') return viewOf(entry);
    if (entry.state === 'retried') throw new Conflict(`${id} was folded after all, so there is nothing to drop`);
    return this.decided(id, { kind: 'dropped', by, at: this.clock.now(), reason });
  }

  /**
   * Reads and folds it again. @returns the entry: `retried` when that went well, `retrying` while it takes long, `open` when it failed again
   * @throws NotFound
   * @throws Conflict it still cannot be read, or was dropped
   */
  async retry(id: string, by: string, reason: string | null): Promise<EntryView> {
    const entry = this.entry(id);
    const { what, state } = entry;
    if (state === 'retried') return viewOf(entry);
    if (state === 'dropped') throw new Conflict(`${id} was dropped for good; what came later was decided without it`);
    const at = this.clock.now();
    if (what.kind === 'unreadable' && what.damage !== undefined) await this.checkRepaired(id, what);
    else if (what.kind === 'unreadable' && what.stream === STREAMS.events) await this.checkReadable(id, what.sequence);
    // The service that put it aside takes it again: nobody else may send in the name of a node.
    else if (what.kind === 'unreadable') await this.checkWhole(id, what.sizeBytes);
    await this.decided(id, { kind: 'retry-asked', by, at, reason });
    const answer = await this.quarantine.settled(id, RETRY_WAIT_MS);
    return viewOf(answer ?? entry);
  }

  private entry(id: string): QuarantineEntry {
    const entry = this.quarantine.get(id);
    if (entry === undefined) throw new NotFound(`Nothing in the quarantine has the id ${id.slice(0, 100)}`);
    return entry;
  }

  private jetStream(): JetStreamLog | undefined {
    return this.log instanceof JetStreamLog ? this.log : undefined;
  }

  /** A good copy of the log has been put back. */
  private async checkRepaired(id: string, { sequence, damage }: UnreadableRecord): Promise<void> {
    const most = (damage?.through ?? sequence) - sequence + 1;
    const found = await this.jetStream()?.verify({ from: sequence, most });
    if (found !== undefined && found.commits < most)
      throw new Conflict(`${id} is still damaged: ${most - found.commits} commits are missing`);
    if (damage !== undefined && most === 1) await this.checkReadable(id, sequence);
  }

  private async checkReadable(id: string, sequence: number): Promise<void> {
    try {
      await this.jetStream()?.checkReadable(sequence);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Conflict(`${id} still cannot be read by this version: ${why}`, { cause });
    }
  }

  /** Half a message would be read as another one. */
  private async checkWhole(id: string, sizeBytes: number): Promise<void> {
    const body = await this.quarantine.bodyOf(id);
    if (body === undefined) throw new Conflict(`the body of ${id} is no longer kept`);
    if (body.length < sizeBytes)
      throw new Conflict(
        `Only the first ${body.length} of the ${sizeBytes} bytes of ${id} were kept, so it cannot be read again: drop it`,
      );
  }

  private async decided(id: string, record: Parameters<Quarantine['decide']>[1]): Promise<EntryView> {
    try {
      const entry = await this.quarantine.decide(id, record);
      return viewOf(entry ?? this.entry(id));
    } catch (cause) {
      if (cause instanceof LogUnavailable)
        throw new Unavailable('The quarantine cannot be written right now', { cause });
      throw cause;
    }
  }
}
