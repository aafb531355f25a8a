import { api, bodyOf } from './client.ts';
import type { Read } from './wire.ts';

type Page = Read<'/fornax/v1/tasks/{id}/attempts'>;
export type AttemptChange = Page['changes'][number];

/** What happened to the attempts of a task, oldest first. */
export interface KnownChanges {
  readonly changes: readonly AttemptChange[];
  /** There is no more than that. */
  readonly isAll: boolean;
}

const PAGE = 1_000;
/** More of them nobody looks at in a drawing. */
const MOST_TOLD = 300_000;

/** What happened to the attempts of a task, page by page. @param known what was read before, which is gone on from */
export const readChanges = async (id: string, known?: KnownChanges): Promise<KnownChanges> => {
  const changes = [...(known?.changes ?? [])];
  let told = changes.reduce((sum, { attempts }) => sum + attempts.length, 0);
  let after: number | null = changes.at(-1)?.sequence ?? 0;
  while (after !== null && told < MOST_TOLD) {
    const query = { limit: PAGE, ...(after === 0 ? {} : { after }) };
    const page: Page = await bodyOf(api.GET('/fornax/v1/tasks/{id}/attempts', { params: { path: { id }, query } }));
    changes.push(...page.changes);
    told += page.changes.reduce((sum, { attempts }) => sum + attempts.length, 0);
    after = page.next;
  }
  return changes.length === known?.changes.length && after === null ? known : { changes, isAll: after === null };
};
