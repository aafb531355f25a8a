import type { WireArchiveVerification, WireLogArchive, WireLogRestore } from '@fornax/contracts';
import type { JsonCall } from './api-connection.js';
import {
  trusted,
  type LogState,
  type LogVerification,
  type QuarantineDetail,
  type QuarantineEntry,
} from './wire-types.js';

/** The event log itself, and what of it was put aside. For operators. */
export class LogClient {
  constructor(private readonly json: JsonCall) {}

  /** Whether the event log went back or is another one, and what would be lost if it were accepted as it is. */
  state(signal?: AbortSignal): Promise<LogState> {
    return this.json('GET', '/fornax/v1/log/state', trusted<LogState>(), {
      signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Accepts the event log as it is: what it does not have is lost, and the platform starts anew. @throws ApiError 409 it is another one by now */
  async accept(log: string): Promise<void> {
    await this.json('POST', `/fornax/v1/log/accept?log=${encodeURIComponent(log)}`, trusted<unknown>());
  }

  /** Checks a part of the event log; the next one begins behind `to`. */
  verify(options: { readonly from: number; readonly signal?: AbortSignal }): Promise<LogVerification> {
    return this.json('GET', `/fornax/v1/log/verify?from=${options.from}`, trusted<LogVerification>(), {
      signal: options.signal,
    });
  }

  /** How far the log is archived. */
  archive(signal?: AbortSignal): Promise<WireLogArchive> {
    return this.json('GET', '/fornax/v1/log/archive', trusted<WireLogArchive>(), { signal });
  }

  /** Checks a part of the archive of the log; the next one is asked for with `next`. */
  verifyArchive(options: {
    readonly after?: string;
    readonly log?: string;
    /** Number of the last segment that is looked at. */
    readonly until?: number;
    readonly signal?: AbortSignal;
  }): Promise<WireArchiveVerification> {
    const query = new URLSearchParams();
    if (options.after !== undefined) query.set('after', options.after);
    if (options.log !== undefined) query.set('log', options.log);
    if (options.until !== undefined) query.set('until', String(options.until));
    const path = `/fornax/v1/log/archive/verify${query.size === 0 ? '' : `?${query.toString()}`}`;
    return this.json('GET', path, trusted<WireArchiveVerification>(), { signal: options.signal });
  }

  /** Begins to put a lost log back from its archive. @throws ApiError 409 one is under way, or nobody knows which log */
  restore(log?: string): Promise<WireLogRestore> {
    const query = log === undefined ? '' : `?log=${encodeURIComponent(log)}`;
    return this.json('POST', `/fornax/v1/log/archive/restore${query}`, trusted<WireLogRestore>());
  }

  restoring(signal?: AbortSignal): Promise<WireLogRestore> {
    return this.json('GET', '/fornax/v1/log/archive/restore', trusted<WireLogRestore>(), { signal });
  }

  /** What is put aside and waits for a decision; with `all`, also what was decided. */
  quarantine(all = false): Promise<readonly QuarantineEntry[]> {
    return this.json(
      'GET',
      `/fornax/v1/log/quarantine${all ? '?all=true' : ''}`,
      trusted<readonly QuarantineEntry[]>(),
    );
  }

  quarantined(id: string): Promise<QuarantineDetail> {
    return this.json('GET', `/fornax/v1/log/quarantine/${encodeURIComponent(id)}`, trusted<QuarantineDetail>());
  }

  /** `drop` leaves it out for good, `retry` folds it again (`retrying`: that takes long). @throws ApiError 409 that is not possible any more, or not yet */
  decide(id: string, decision: 'drop' | 'retry', reason?: string): Promise<QuarantineEntry> {
    return this.json(
      'POST',
      `/fornax/v1/log/quarantine/${encodeURIComponent(id)}/${decision}`,
      trusted<QuarantineEntry>(),
      { body: reason === undefined ? {} : { reason } },
    );
  }
}
