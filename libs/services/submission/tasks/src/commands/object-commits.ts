import type { Aggregate, CommitMeta, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Decider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog, type Loaded } from '@fornax/event-store';
import { userMeta, type RequestContext, type Sealer } from '@fornax/identity';
import { derivedId, newId, type Clock } from '@fornax/base';
import type { CommandName } from './unsettled-commands.js';

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

/** What a user asks of an object that there is. */
export interface ObjectRequest<S, C> extends Pick<ObjectDecision<S, C>, 'id' | 'command' | 'loaded'> {
  readonly owner: string;
  readonly context: RequestContext;
  /** Present when the request has no key. */
  readonly again?: CommandName | undefined;
  /** The command carries more than its type, so that one key may stand for several commands. */
  readonly hasBody?: boolean;
}

/** Decides commands on objects of one kind and appends what comes out. */
export class ObjectCommits<S, C extends { readonly type: string; readonly at: number }, E extends FornaxEvent> {
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

  /**
   * Decides what a user asks. A request that is sent again, under its key or because its answer was lost, finds its own commit, also where the
   * object has changed since. @returns as `decide`; 0 when it was done before
   * @throws as `decide`
   */
  async decideOnRequest({ owner, context, again, hasBody = false, ...asked }: ObjectRequest<S, C>): Promise<number> {
    const { account, idempotencyKey } = context;
    const { id, command } = asked;
    const { type } = command as unknown as Pick<C, 'type'>;
    const isNamed = idempotencyKey !== undefined && !hasBody;
    const commitId = again?.name ?? (isNamed ? derivedId(type, id, account.id, idempotencyKey) : newId());
    const isRepeated = again?.isRepeated ?? idempotencyKey !== undefined;
    try {
      return await this.decide({
        ...asked,
        commitId,
        meta: userMeta('submission', context, { kind: 'user', id: owner }),
      });
    } catch (error) {
      if (error instanceof CommandRejected && isRepeated && (await this.has(id, commitId))) return 0;
      throw error;
    }
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
