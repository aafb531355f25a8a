import type { RecordedCommit } from '@fornax/contracts';
import { AggregateStopped, isDataError, reasonOf, type Quarantine } from '@fornax/event-store';

type Handle = (batch: readonly RecordedCommit[]) => Promise<void>;

const keyOf = ({ aggregate, aggregateId }: RecordedCommit): string => `${aggregate}/${aggregateId}`;

/**
 * The aggregates that a handler of the log has stopped at. What goes wrong because of the data goes wrong again, so the batch is handed over
 * commit by commit, and the aggregate of the one that fails is left out from there on, until the process starts again; everything else
 * goes on. Other failures pass, for the log to try again.
 */
export class StoppedOf {
  private readonly keys = new Set<string>();

  constructor(
    private readonly handler: string,
    private readonly quarantine: Quarantine,
  ) {}

  async handle(batch: readonly RecordedCommit[], handle: Handle): Promise<void> {
    const fresh = this.without(batch);
    if (fresh.length === 0) return;
    try {
      await handle(fresh);
    } catch (error) {
      if (!isOfData(error)) throw error;
      for (const commit of fresh) await this.handleOne(commit, handle);
    }
  }

  private without(batch: readonly RecordedCommit[]): readonly RecordedCommit[] {
    return this.keys.size === 0 ? batch : batch.filter((commit) => !this.keys.has(keyOf(commit)));
  }

  private async handleOne(commit: RecordedCommit, handle: Handle): Promise<void> {
    if (this.keys.has(keyOf(commit))) return;
    try {
      await handle([commit]);
    } catch (error) {
      if (!isOfData(error)) throw error;
      this.keys.add(keyOf(commit));
      const { sequence, aggregate, aggregateId } = commit;
      this.quarantine.noticeStop({ follower: this.handler, sequence, aggregate, aggregateId, reason: reasonOf(error) });
    }
  }
}

const isOfData = (error: unknown): boolean => isDataError(error) || error instanceof AggregateStopped;
