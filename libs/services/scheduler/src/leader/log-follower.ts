import { Progress } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { AggregateStopped, FoldGuard, type EventLog } from '@fornax/event-store';
import type { Logger } from '../ports/logger.js';
import type { Changes } from '../view/changes.js';
import { VIEW_AGGREGATES, type LoadedView } from './view-source.js';

export interface LogFollowerOptions {
  readonly log: EventLog;
  readonly guard: FoldGuard;
  readonly loaded: LoadedView;
  /** Fencing token of this leadership. */
  readonly leaderEpoch: number;
  /** Told the higher epoch of a leader that has written to the log; nothing is folded from that commit on. */
  readonly onSuperseded: (seen: number) => void;
  /** Told what a commit changed. */
  readonly onFolded: (changes: Changes) => void;
  /** Told about a task that somebody else has written. */
  readonly onServed: (taskId: string) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Folds the log into the view of a term, from where the view was loaded, and knows how far that has come. */
export class LogFollower {
  private readonly progress: Progress;

  constructor(private readonly options: LogFollowerOptions) {
    this.progress = new Progress(options.loaded.sequence);
  }

  /** Follows until the signal aborts. @throws LogReset the log was wiped or went back */
  follow(): Promise<void> {
    const { log, loaded, logger, signal } = this.options;
    return log.subscribe(
      {
        from: this.progress.position + 1,
        aggregates: VIEW_AGGREGATES,
        epoch: loaded.epoch,
        onProgress: (sequence) => this.progress.advance(sequence),
        onError: (error) => logger.warn({ err: error }, 'following the log failed, trying again'),
        signal,
      },
      (batch) => Promise.resolve(this.foldAll(batch)),
    );
  }

  /** Resolves when everything that the log holds now is folded. */
  async catchUp(): Promise<void> {
    const { log, signal } = this.options;
    const { sequence } = await log.head();
    if (!(await this.progress.reach(sequence, { signal }))) signal.throwIfAborted();
  }

  /** Folds a commit that did not come from the subscription. @throws AggregateStopped the fold throws on this aggregate */
  fold(commit: RecordedCommit): Changes {
    const changes = this.foldIfAble(commit);
    if (changes) return changes;
    throw new AggregateStopped(commit.aggregate, commit.aggregateId, "the scheduler's fold of it fails", undefined);
  }

  private foldIfAble(commit: RecordedCommit): Changes | undefined {
    const { guard, loaded } = this.options;
    return guard.fold(commit, (one) => loaded.view.fold(one));
  }

  private foldAll(batch: readonly RecordedCommit[]): void {
    const { leaderEpoch, onSuperseded, onFolded, onServed } = this.options;
    for (const commit of batch) {
      const { leaderEpoch: seen = 0 } = commit.meta;
      if (seen > leaderEpoch) return onSuperseded(seen);
      const changes = this.foldIfAble(commit);
      if (changes) onFolded(changes);
      if ((commit.aggregate === 'task' || commit.aggregate === 'pool') && commit.meta.source !== 'scheduler')
        onServed(commit.aggregateId);
    }
    const last = batch.at(-1);
    if (last) this.progress.advance(last.sequence);
  }
}
