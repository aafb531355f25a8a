import { STREAMS, leaveSubject } from '@fornax/contracts';
import type { NatsConnection } from '@nats-io/nats-core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { z } from 'zod';
import { StoredMessages } from '../jetstream/stored-messages.js';
import { managerOf } from '../jetstream/streams.js';
import { GRACE_MS, leftNow } from '../jetstream/left-prefix.js';
import { ArchiveClient } from '../left/archive-client.js';
import type { ArchivedLog } from '../left/archived-log.js';
import { comparedWithArchive } from './compared.js';

const TIMEOUT_MS = 30_000;
/** What was looked at holds for so long: whoever stood still in between looks again. */
const LOOKED_MS = 5_000;
/** What was compared holds for so long: an archive may be lost like anything else. */
const COMPARED_MS = 300_000;

export interface LeavingRule {
  /** What is younger stays in the log, whatever anybody says; undefined: nothing leaves. */
  readonly olderThanMs: number | undefined;
  /** How long what was said to have left stays there nevertheless, for those who have not heard. */
  readonly graceMs?: number | undefined;
  /** What the log is compared with before anything is taken out of it. Default: what the storage service gives everybody. */
  readonly archive?: ArchivedLog;
}

const answerSchema = z.union([
  z.strictObject({ ok: z.strictObject({ first: z.int(), waitsFor: z.string().nullable() }) }),
  z.strictObject({ error: z.string() }),
]);

/** The first sequence that the log has, and why not all is gone yet that has left it; null when it is. */
export type LeavingAnswer = Extract<z.output<typeof answerSchema>, { ok: unknown }>['ok'];

/** How a comparison with the archive went. */
interface Compared {
  readonly at: number;
  readonly result: 'same' | Error;
}

/** What was said to have left, of which stream, when that was heard of, and whether its archive holds it. */
interface Seen {
  readonly said: number;
  readonly stream: string;
  readonly at: number;
  comparing?: Promise<void>;
  compared?: Compared;
}

/**
 * Takes out of the log what has left it, for who may not: only whoever owns the streams purges. It believes nobody: what has left is said by a commit
 * of the log, is as old as its own rule wants, was read from the archive as everybody reads it and is the same, and nobody reads it from the log any more.
 */
export class Leaving {
  private readonly stored: StoredMessages;
  private readonly archive: ArchivedLog;
  private seen: Seen | undefined;

  constructor(
    private readonly nc: NatsConnection,
    private readonly rule: LeavingRule,
  ) {
    this.stored = new StoredMessages(nc, STREAMS.events);
    this.archive = rule.archive ?? new ArchiveClient(nc);
  }

  /** @throws Error nothing may leave */
  async leave(): Promise<LeavingAnswer> {
    const { olderThanMs, graceMs = GRACE_MS } = this.rule;
    if (olderThanMs === undefined)
      throw new Error('whoever owns the streams lets nothing leave the event log: FORNAX_LOG_RETENTION is off there');
    const lookedAt = performance.now();
    const jsm = await managerOf(this.nc);
    const { config, state, created } = await jsm.streams.info(STREAMS.events);
    if (config.deny_purge) throw new Error(MADE_TO_STAY);
    const { to, said } = await leftNow(this.stored);
    const first = state.first_seq;
    if (said === undefined || first > to) return { first, waitsFor: null };
    if (to >= said || to >= state.last_seq) throw new Error('what has left the event log cannot be all of it');
    const last = await this.stored.at(to);
    const ageMs = last === undefined ? 0 : Date.now() - Date.parse(last.storedAt);
    if (!(ageMs >= olderThanMs)) throw new Error(`commit ${to} of the event log is not as old as the rule wants`);
    const seen = this.heardOf(said, created);
    if (!(performance.now() - seen.at >= graceMs)) return { first, waitsFor: 'those who have not heard of it yet' };
    // The comparison reads the stream itself: it is not somebody whom it waits for.
    if (seen.comparing !== undefined) return { first, waitsFor: COMPARISON };
    // In this order: a consumer that is made behind the commit begins behind what has left (see `addReader`).
    const reader = await readerUpTo(jsm, to);
    if (reader !== undefined) return { first, waitsFor: `reader ${reader}` };
    // Last of all, so that what is taken out was in the archive a moment before.
    const result = this.compared(seen, () => comparedWithArchive(this.nc, jsm, this.archive, { from: first, to }));
    if (result instanceof Error) throw result;
    if (result === undefined) return { first, waitsFor: COMPARISON };
    if (performance.now() - lookedAt > LOOKED_MS) return { first, waitsFor: 'another look: this one took too long' };
    await jsm.streams.purge(STREAMS.events, { seq: to + 1 });
    return { first: to + 1, waitsFor: null };
  }

  /** What is said to have left this stream, with the moment at which that was heard of first. */
  private heardOf(said: number, stream: string): Seen {
    if (this.seen?.said !== said || this.seen.stream !== stream) this.seen = { said, stream, at: performance.now() };
    return this.seen;
  }

  /** How a comparison of this moment went; begins one where there is none. A failure is told once, and tried again. @returns undefined while it goes on */
  private compared(seen: Seen, compare: () => Promise<void>): Compared['result'] | undefined {
    const { compared } = seen;
    if (compared !== undefined && performance.now() - compared.at < COMPARED_MS) {
      if (compared.result instanceof Error) delete seen.compared;
      return compared.result;
    }
    const ended = (result: Compared['result']): void => {
      seen.compared = { at: performance.now(), result };
      delete seen.comparing;
    };
    seen.comparing ??= compare().then(
      () => ended('same'),
      (error: unknown) => ended(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  }
}

const COMPARISON = 'its comparison with the archive';
const MADE_TO_STAY =
  'this event log was made by an earlier release, from which nothing can be taken out: put it back once from its archive (fornax log restore)';

/** Somebody who has not read the log up to there. */
const readerUpTo = async (jsm: JetStreamManager, to: number): Promise<string | undefined> => {
  for await (const { name, delivered, num_pending: pending } of jsm.consumers.list(STREAMS.events))
    if (delivered.stream_seq < to && pending > 0) return name;
  return undefined;
};

/** Answers whoever may ask for it, one after the other, until the connection ends. */
export const serveLeaving = (nc: NatsConnection, leaving: Leaving): void => {
  let last: Promise<unknown> = Promise.resolve();
  nc.subscribe(leaveSubject, {
    callback: (error, message) => {
      if (error) return;
      const respond = (answer: object): void => void (nc.isClosed() || message.respond(JSON.stringify(answer)));
      last = last
        .then(() => leaving.leave())
        .then(
          (ok) => respond({ ok }),
          (reason: unknown) => respond({ error: reason instanceof Error ? reason.message : String(reason) }),
        );
    },
  });
};

/** Whoever owns the streams lets nothing leave. */
export class LeavingRefused extends Error {
  override readonly name = 'LeavingRefused';
}

/** Asks whoever owns the streams to take out of the log what has left it. @throws LeavingRefused */
export const askToLeave = async (nc: NatsConnection): Promise<LeavingAnswer> => {
  const reply = await nc.request(leaveSubject, '', { timeout: TIMEOUT_MS });
  const answer = answerSchema.parse(reply.json());
  if ('error' in answer) throw new LeavingRefused(answer.error);
  return answer.ok;
};
