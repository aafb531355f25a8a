import { eventText } from '@fornax/base';
import type { Aggregate, AuditMessage, RecordedCommit } from '@fornax/contracts';
import { LogAudit, type AuditFinding } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';

/** How often the audit says where it is, which also keeps the connection alive. */
const TELL_MS = 1_000;

/** Looks at the log, or at something that follows from it, from its beginning to its end. */
export interface Auditor {
  readonly aggregates: readonly Aggregate[];
  /** Tasks, and what else it keeps in memory at this place of the log. */
  readonly underWay: number;
  /** Looks at what it compares with the log, before it is asked where that ends. */
  prepare?(): Promise<void>;
  /** Folds the next commits. */
  fold(batch: readonly RecordedCommit[]): Promise<readonly AuditFinding[]>;
  /** What is wrong at the end of the log. */
  end(): Promise<readonly AuditFinding[]>;
}

/** What the log says of what ran. @param now the time of day */
export const logAuditor = (now: () => number): Auditor => {
  const audit = new LogAudit();
  return {
    aggregates: ['task', 'node', 'pool'],
    get underWay() {
      return audit.tasksUnderWay;
    },
    fold: (batch) =>
      Promise.resolve(
        batch.flatMap(({ meta: { leaderEpoch }, ...commit }) =>
          audit.fold({ ...commit, ...(leaderEpoch === undefined ? {} : { leaderEpoch }) }),
        ),
      ),
    end: () => Promise.resolve(audit.end(now())),
  };
};

export interface AuditOptions {
  readonly log: EventLog;
  readonly auditor: Auditor;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  readonly signal: AbortSignal;
}

/**
 * Folds the log from its beginning to where it ends now, and tells `progress`, each `finding` and at last one `end`. It goes as fast as its reader takes
 * it, and ends without a word when the signal aborts.
 */
export async function* auditLog({ log, auditor, elapsed, signal }: AuditOptions): AsyncGenerator<AuditMessage> {
  let commits = 0;
  let findings = 0;
  const told = (found: readonly AuditFinding[]): readonly AuditMessage[] => {
    findings += found.length;
    return found.map((finding) => ({ type: 'finding', finding }));
  };
  await auditor.prepare?.();
  const { sequence: head } = await log.head();
  const progress = (sequence: number): AuditMessage => {
    const { underWay } = auditor;
    return { type: 'progress', sequence, head, tasksUnderWay: underWay };
  };
  yield progress(0);
  let toldAt = elapsed();
  for await (const batch of log.read({ from: 1, to: head, aggregates: auditor.aggregates })) {
    if (signal.aborted) return;
    commits += batch.length;
    yield* told(await auditor.fold(batch));
    if (elapsed() - toldAt < TELL_MS) continue;
    toldAt = elapsed();
    yield progress(batch.at(-1)?.sequence ?? head);
  }
  yield* told(await auditor.end());
  yield { type: 'end', head, commits, tasksUnderWay: auditor.underWay, findings };
}

/** The same as Server-Sent Events; `failed` is the last one where the log could not be read. */
export async function* auditText(options: AuditOptions): AsyncGenerator<string> {
  try {
    for await (const message of auditLog(options)) {
      const { type, ...facts } = message;
      yield eventText(JSON.stringify(message.type === 'finding' ? message.finding : facts), { event: type });
    }
  } catch (error) {
    // The answer has begun: what is wrong is part of it. It is an operator's, who may know.
    const message = error instanceof Error ? error.message : String(error);
    yield eventText(JSON.stringify({ message }), { event: 'failed' });
  }
}
