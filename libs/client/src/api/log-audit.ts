import type { AuditFinding, AuditMessage } from '@fornax/contracts';
import { readSse } from './sse.js';

/** The messages of an audit, up to its end. @throws Error it failed, or the connection broke before its end */
export async function* readAudit(response: Response): AsyncGenerator<AuditMessage> {
  for await (const { event, data } of readSse(response)) {
    if (data === undefined) continue;
    // Operators' own answers are taken as they come, like all of theirs.
    const body = JSON.parse(data) as unknown;
    if (event === 'failed') throw new Error(`the audit failed: ${(body as { readonly message: string }).message}`);
    if (event === 'finding') yield { type: 'finding', finding: body as AuditFinding };
    if (event === 'progress' || event === 'end') yield { type: event, ...(body as object) } as AuditMessage;
    if (event === 'end') return;
  }
  throw new Error('the audit broke off before its end: the connection, or the process that audits, ended');
}
