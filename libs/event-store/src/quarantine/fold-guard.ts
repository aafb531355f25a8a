import type { RecordedCommit } from '@fornax/contracts';

export interface StoppedFold {
  readonly follower: string;
  readonly sequence: number;
  readonly aggregate: string;
  readonly aggregateId: string;
  readonly reason: string;
}

/** What a text of ours says of an error; bounded, it may come from anywhere. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 500);

/**
 * Stands around a fold in memory: when it throws on a commit, that commit's aggregate is left where it stands and everything else goes on.
 * The same for every process that folds the same log.
 */
export class FoldGuard {
  /** By aggregate, the commit before which it stands. */
  private readonly stopped = new Map<string, number>();

  constructor(
    private readonly follower: string,
    private readonly onStopped: (stop: StoppedFold) => void,
  ) {}

  /** @returns what `apply` made of it; undefined when the aggregate has stopped */
  fold<T>(commit: RecordedCommit, apply: (commit: RecordedCommit) => T): T | undefined {
    const { aggregate, aggregateId, sequence } = commit;
    const key = `${aggregate}/${aggregateId}`;
    const stoppedAt = this.stopped.get(key);
    if (stoppedAt !== undefined && sequence >= stoppedAt) return undefined;
    try {
      return apply(commit);
    } catch (error) {
      this.stopped.set(key, sequence);
      this.onStopped({ follower: this.follower, sequence, aggregate, aggregateId, reason: reasonOf(error) });
      return undefined;
    }
  }

  /** Folds the aggregate again from the next commit that comes. */
  release(aggregate: string, aggregateId: string): void {
    this.stopped.delete(`${aggregate}/${aggregateId}`);
  }
}
