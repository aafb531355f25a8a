import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '../log/event-log.js';

/** Commits read together. */
const PAGE = 500;

/** All commits of an aggregate, in their order, so many at a time: a pool of years has more than a process should hold at once. */
export async function* aggregatePages(
  log: Pick<EventLog, 'readAggregate'>,
  aggregate: Aggregate,
  id: string,
): AsyncGenerator<readonly RecordedCommit[], void, undefined> {
  for (let after = 0; ;) {
    const page = await log.readAggregate(aggregate, id, after, PAGE);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (page.length < PAGE || !last) return;
    after = last.sequence;
  }
}
