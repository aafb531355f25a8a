import type { AuditFinding } from '@fornax/domain';

/** What an audit of the event log, or of what follows from it, tells on its way: one Server-Sent Event each, `type` its name. */
export type AuditMessage =
  | { readonly type: 'progress'; readonly sequence: number; readonly head: number; readonly tasksUnderWay: number }
  | { readonly type: 'finding'; readonly finding: AuditFinding }
  | {
      readonly type: 'end';
      readonly head: number;
      readonly commits: number;
      readonly tasksUnderWay: number;
      readonly findings: number;
    };
export type { AuditFinding };
