import { readSse } from './sse.js';

/** Something that must never be, found in the event log. */
export interface LogAuditFinding {
  readonly kind: string;
  readonly taskId: string;
  /** Absent when it is about the task as a whole. */
  readonly instance?: number;
  readonly detail: string;
  /** Of the commits that show it. */
  readonly sequences: readonly number[];
}

/** What an audit of the event log tells on its way. */
export type LogAuditMessage =
  | { readonly type: 'progress'; readonly sequence: number; readonly head: number; readonly tasksUnderWay: number }
  | { readonly type: 'finding'; readonly finding: LogAuditFinding }
  | {
      readonly type: 'end';
      readonly head: number;
      readonly commits: number;
      readonly tasksUnderWay: number;
      readonly findings: number;
    };

/** The messages of an audit, up to its end. @throws Error it failed, or the connection broke before its end */
export async function* readAudit(response: Response): AsyncGenerator<LogAuditMessage> {
  for await (const { event, data } of readSse(response)) {
    if (data === undefined) continue;
    // Operators' own answers are taken as they come, like all of theirs.
    const body = JSON.parse(data) as unknown;
    if (event === 'failed') throw new Error(`the audit failed: ${(body as { readonly message: string }).message}`);
    if (event === 'finding') yield { type: 'finding', finding: body as LogAuditFinding };
    if (event === 'progress' || event === 'end') yield { type: event, ...(body as object) } as LogAuditMessage;
    if (event === 'end') return;
  }
  throw new Error('the audit broke off before its end: the connection, or the process that audits, ended');
}
