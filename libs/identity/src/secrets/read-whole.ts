import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';

/** Commits of one kind of aggregate, oldest first, up to the end as it is now: of a damaged log what is left. @throws Error the log cannot be read */
export async function* commitsOf(log: EventLog, aggregate: Aggregate): AsyncGenerator<RecordedCommit> {
  const { sequence } = await log.head();
  if (sequence === 0) return;
  const wanted = { from: 1, to: sequence, aggregates: [aggregate], maxBatch: 50, despiteDamage: true };
  for await (const batch of log.read(wanted)) yield* batch;
}

/** The same, at once. */
export const readWhole = async (log: EventLog, aggregate: Aggregate): Promise<readonly RecordedCommit[]> => {
  const commits: RecordedCommit[] = [];
  for await (const commit of commitsOf(log, aggregate)) commits.push(commit);
  return commits;
};
