import type { Aggregate, CommitMeta, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Decider } from '@fornax/domain';
import { decideAndAppend, type EventLog, type Loaded } from '@fornax/event-store';
import type { Sealer } from '@fornax/identity';
import { derivedId, type Clock } from '@fornax/base';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface ObjectDecision<S, C> {
  readonly id: string;
  /** The command without its time, which is this service's clock. */
  readonly command: DistributiveOmit<C, 'at'>;
  /** Repeating a command under one id appends once. */
  readonly commitId: string;
  readonly meta: CommitMeta;
  /** A fold at hand, of which only the tail is read; without it the whole object is. */
  readonly loaded?: Loaded<S> | undefined;
}

/** Decides commands on objects of one kind and appends what comes out. */
export class ObjectCommits<S, C extends { readonly at: number }, E extends FornaxEvent> {
  constructor(
    private readonly of: { readonly aggregate: Aggregate; readonly decider: Decider<S, C, E> },
    private readonly log: EventLog,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /**
   * @returns the sequence of the commit, or of the last one when there was nothing to append
   * @throws CommandRejected, Outrun, LogUnavailable, AggregateStopped
   */
  async decide({ id, command, commitId, meta, loaded }: ObjectDecision<S, C>): Promise<number> {
    const at = this.clock.now();
    const { sequence } = await decideAndAppend({
      log: this.log,
      ...this.of,
      id,
      command: { ...command, at } as unknown as C,
      commitId,
      meta,
      at,
      ...(loaded ? { loaded } : {}),
    });
    return sequence;
  }

  /** The id of the commit that makes an object on a request with this body. The body may hold secrets: nothing of it can be found in the id. */
  idOfSubmission(id: string, body: unknown): string {
    return derivedId('submit', id, this.sealer.fingerprint(JSON.stringify(body)));
  }

  /** The commit that made the object; undefined when the log has no such object. @throws LogUnavailable */
  async submissionOf(id: string): Promise<RecordedCommit | undefined> {
    return (await this.log.readAggregate(this.of.aggregate, id, 0, 1))[0];
  }

  async has(id: string, commitId: string): Promise<boolean> {
    return (await this.log.readAggregate(this.of.aggregate, id)).some((commit) => commit.id === commitId);
  }
}
