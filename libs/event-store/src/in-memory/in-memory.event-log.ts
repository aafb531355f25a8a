import { randomUUID } from 'node:crypto';
import { decodeCommit, encodeCommit, type Aggregate, type Commit, type RecordedCommit } from '@fornax/contracts';
import { type EventLog, type LogHead, LogReset, type SubscribeOptions, VersionConflict } from '../log/event-log.js';
import { followLog } from '../log/follow-log.js';

const DEFAULT_BATCH = 500;

/** The event log in memory: for tests and simulations. Commits pass through the codec, so that what cannot be stored fails here too. */
export class InMemoryLog implements EventLog {
  private readonly commits: RecordedCommit[] = [];
  private readonly byAggregate = new Map<string, RecordedCommit[]>();
  private readonly waiting = new Set<() => void>();
  private readonly yielding = new Set<(aggregate: Aggregate, aggregateId: string) => void>();
  private readonly epoch = randomUUID();

  append(aggregate: Aggregate, aggregateId: string, commit: Commit, expected: number): Promise<number> {
    const key = `${aggregate}/${aggregateId}`;
    const own = this.byAggregate.get(key) ?? [];
    const earlier = own.find(({ id }) => id === commit.id);
    if (earlier !== undefined) return Promise.resolve(earlier.sequence);
    if ((own.at(-1)?.sequence ?? 0) !== expected)
      return Promise.reject(new VersionConflict(aggregate, aggregateId, expected));
    const sequence = this.commits.length + 1;
    const place = { sequence, aggregate, aggregateId, commitId: commit.id };
    let recorded: RecordedCommit;
    try {
      recorded = decodeCommit(encodeCommit(commit, aggregate, aggregateId), place);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.commits.push(recorded);
    this.byAggregate.set(key, [...own, recorded]);
    for (const wake of [...this.waiting]) wake();
    return Promise.resolve(sequence);
  }

  readAggregate(
    aggregate: Aggregate,
    aggregateId: string,
    after = 0,
    most = Number.POSITIVE_INFINITY,
  ): Promise<readonly RecordedCommit[]> {
    const own = this.byAggregate.get(`${aggregate}/${aggregateId}`) ?? [];
    return Promise.resolve(own.filter(({ sequence }) => sequence > after).slice(0, most));
  }

  async *read(options: Parameters<EventLog['read']>[0]): AsyncIterable<readonly RecordedCommit[]> {
    const { from, to = this.commits.length, aggregates, maxBatch = DEFAULT_BATCH } = options;
    for (let position = Math.max(1, from); position <= to; position += maxBatch) {
      const batch = this.slice(position, Math.min(to, position + maxBatch - 1), aggregates);
      if (batch.length > 0) yield batch;
    }
  }

  async subscribe(
    options: SubscribeOptions,
    onBatch: (batch: readonly RecordedCommit[]) => Promise<void>,
  ): Promise<void> {
    const { aggregates, signal, maxBatch = DEFAULT_BATCH, epoch = this.epoch } = options;
    await followLog(options, onBatch, async (start, deliver) => {
      if (epoch !== this.epoch)
        throw new LogReset(`the event log has epoch ${this.epoch}, but ${epoch} was being read`);
      if (start > this.commits.length)
        throw new LogReset(`the event log ends at ${this.commits.length}, but was read up to ${start}`);
      await deliver([], start);
      for (let position = start; !signal.aborted;) {
        const to = Math.min(this.commits.length, position + maxBatch);
        if (to === position) {
          await this.change(signal);
        } else {
          await deliver(this.slice(position + 1, to, aggregates), to);
          position = to;
        }
      }
    });
  }

  damagedPlaces(): readonly never[] {
    return [];
  }

  head(): Promise<LogHead> {
    return Promise.resolve({ epoch: this.epoch, sequence: this.commits.length });
  }

  nextSequence(aggregates: readonly Aggregate[], after: number): Promise<number | undefined> {
    return Promise.resolve(this.slice(after + 1, this.commits.length, aggregates)[0]?.sequence);
  }

  askToYield(aggregate: Aggregate, aggregateId: string): void {
    for (const tell of [...this.yielding]) tell(aggregate, aggregateId);
  }

  onAskedToYield(aggregate: Aggregate, listener: (aggregateId: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const tell = (kind: Aggregate, aggregateId: string): void => {
      if (kind === aggregate) listener(aggregateId);
    };
    this.yielding.add(tell);
    signal.addEventListener('abort', () => this.yielding.delete(tell), { once: true });
  }

  private slice(from: number, to: number, aggregates: readonly Aggregate[] | undefined): readonly RecordedCommit[] {
    const all = this.commits.slice(Math.max(1, from) - 1, to);
    return aggregates === undefined ? all : all.filter(({ aggregate }) => aggregates.includes(aggregate));
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
