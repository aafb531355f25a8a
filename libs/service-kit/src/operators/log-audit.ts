import { eventText } from '@fornax/base';
import type { Aggregate } from '@fornax/contracts';
import { LogAudit, type AuditFinding } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';

/** How often the audit says where it is, which also keeps the connection alive. */
const TELL_MS = 1_000;
const AGGREGATES: readonly Aggregate[] = ['task', 'node', 'pool'];

export interface AuditOptions {
  readonly log: EventLog;
  /** The time of day. */
  readonly now: () => number;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  readonly signal: AbortSignal;
}

/**
 * Folds the log from its beginning to where it ends now, and tells, as Server-Sent Events: `progress`, each `finding`, and one `end` or `failed`.
 * It goes as fast as its reader takes it, and ends without a word when the signal aborts.
 */
export async function* auditText({ log, now, elapsed, signal }: AuditOptions): AsyncGenerator<string> {
  const audit = new LogAudit();
  let commits = 0;
  let findings = 0;
  const told = (found: readonly AuditFinding[]): string => {
    findings += found.length;
    return found.map((finding) => eventText(JSON.stringify(finding), { event: 'finding' })).join('');
  };
  try {
    const { sequence: head } = await log.head();
    const progress = (sequence: number): string =>
      eventText(JSON.stringify({ sequence, head, tasksUnderWay: audit.tasksUnderWay }), { event: 'progress' });
    yield progress(0);
    let toldAt = elapsed();
    for await (const batch of log.read({ from: 1, to: head, aggregates: AGGREGATES })) {
      if (signal.aborted) return;
      commits += batch.length;
      const text = batch
        .map(({ meta, ...commit }) => {
          const { leaderEpoch } = meta;
          return told(audit.fold({ ...commit, ...(leaderEpoch === undefined ? {} : { leaderEpoch }) }));
        })
        .join('');
      if (text !== '') yield text;
      if (elapsed() - toldAt < TELL_MS) continue;
      toldAt = elapsed();
      yield progress(batch.at(-1)?.sequence ?? head);
    }
    const last = told(audit.end(now()));
    if (last !== '') yield last;
    const { tasksUnderWay } = audit;
    yield eventText(JSON.stringify({ head, commits, tasksUnderWay, findings }), { event: 'end' });
  } catch (error) {
    // The answer has begun: what is wrong is part of it. It is an operator's, who may know.
    const message = error instanceof Error ? error.message : String(error);
    yield eventText(JSON.stringify({ message }), { event: 'failed' });
  }
}
