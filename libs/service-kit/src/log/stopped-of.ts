import type { RecordedCommit } from '@fornax/contracts';
import { AggregateStopped, isDataError, reasonOf, type EventLog, type Quarantine } from '@fornax/event-store';

type Handle = (batch: readonly RecordedCommit[]) => Promise<void>;
type Place = Pick<RecordedCommit, 'aggregate' | 'aggregateId' | 'sequence'>;

interface Key {
  readonly aggregate: string;
  readonly aggregateId: string;
}
const keyOf = ({ aggregate, aggregateId }: Key): string => `${aggregate}/${aggregateId}`;

/**
 * The aggregates that a handler of the log has stopped at. What goes wrong because of the data goes wrong again, so the batch is handed over
 * commit by commit, and the aggregate of the one that fails is left out from there on; everything else goes on. Other failures pass, for the
 * log to try again.
 */
export class StoppedOf {
  /** Where each stands: before this commit. */
  private readonly places = new Map<string, number>();
  /** Aggregates that are skipped because another one has stopped: by the stopped one, the sequence at which each waits. */
  private readonly waiting = new Map<string, Map<string, Place>>();

  constructor(
    private readonly handler: string,
    private readonly quarantine: Quarantine,
    /** Called with a commit that is skipped because another aggregate has stopped. */
    private readonly onPassedOver: (commit: Place, other: AggregateStopped) => void,
  ) {}

  /** Where an earlier process left them, for a handler that goes on where that one was. */
  restore(): void {
    for (const { what, state } of this.quarantine.list())
      if (what.kind === 'stopped' && what.follower === this.handler && state !== 'retried')
        this.places.set(`${what.aggregate}/${what.aggregateId}`, what.sequence);
  }

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

  /**
   * Takes an aggregate up from a commit on that was left out, up to where the handler stands in the log.
   * @throws whatever is no fault of the data: nothing is lost, and it may be tried again
   */
  async takeUp(log: EventLog, place: Place, position: number, handle: Handle): Promise<void> {
    const key = keyOf(place);
    const from = this.places.get(key) ?? place.sequence;
    const missed = (await log.readAggregate(place.aggregate, place.aggregateId, from - 1)).filter(
      ({ sequence }) => sequence <= position,
    );
    this.places.delete(key);
    for (const [index, commit] of missed.entries()) {
      try {
        await this.handleOne(commit, handle);
      } catch (error) {
        this.places.set(key, missed[index]?.sequence ?? from);
        throw error;
      }
    }
    if (!this.places.has(key)) await this.quarantine.resolveStop(this.handler, from);
  }

  /** Removes and returns the aggregates that were skipped because this one had stopped: they are read again after an operator's decision. */
  releaseWaitingFor(key: Key): readonly Place[] {
    const released = [...(this.waiting.get(keyOf(key))?.values() ?? [])];
    this.waiting.delete(keyOf(key));
    return released;
  }

  private without(batch: readonly RecordedCommit[]): readonly RecordedCommit[] {
    return this.places.size === 0 ? batch : batch.filter((commit) => !this.places.has(keyOf(commit)));
  }

  private async handleOne(commit: RecordedCommit, handle: Handle): Promise<void> {
    if (this.places.has(keyOf(commit))) return;
    try {
      await handle([commit]);
    } catch (error) {
      if (!isOfData(error)) throw error;
      const { sequence, aggregate, aggregateId } = commit;
      this.places.set(keyOf(commit), sequence);
      // Not this commit's data: what is wrong is told where it is, and an operator decides there.
      if (error instanceof AggregateStopped && keyOf(error) !== keyOf(commit)) {
        const waiting = this.waiting.get(keyOf(error)) ?? new Map<string, Place>();
        this.waiting.set(keyOf(error), waiting.set(keyOf(commit), { sequence, aggregate, aggregateId }));
        this.onPassedOver(commit, error);
        return;
      }
      this.quarantine.noticeStop({ follower: this.handler, sequence, aggregate, aggregateId, reason: reasonOf(error) });
    }
  }
}

const isOfData = (error: unknown): boolean => isDataError(error) || error instanceof AggregateStopped;
