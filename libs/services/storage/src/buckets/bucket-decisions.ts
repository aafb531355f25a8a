import { Inject, Injectable } from '@nestjs/common';
import type { Actor, CommitMeta } from '@fornax/contracts';
import { type BucketCommand, bucketDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import { noSuchBucket, s3Error } from '@fornax/s3';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { activeTraceparent, newId, type Clock } from '@fornax/base';

/** Who asks, for the record. */
export interface Cause {
  readonly actor: Actor;
  readonly correlationId: string;
}

/** A command without its time. */
type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;
export type TimelessBucketCommand = Timeless<BucketCommand>;

const metaOf = ({ actor, correlationId }: Cause, owner: string): CommitMeta => {
  const traceparent = activeTraceparent();
  const onBehalfOf = `user:${owner}` as const;
  return {
    actor,
    ...(actor === onBehalfOf ? {} : { onBehalfOf }),
    source: 'storage',
    correlationId,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};

/** Lets the log decide whose a bucket's name is, and who shares it. */
@Injectable()
export class BucketDecisions {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @returns sequence of the commit
   * @throws S3Error NoSuchBucket, BucketAlreadyExists
   */
  async decide(
    command: Extract<TimelessBucketCommand, { readonly type: 'CreateBucket' | 'DeleteBucket' }>,
    name: string,
    cause: Cause,
  ): Promise<number> {
    try {
      return (await this.append(name, command, metaOf(cause, command.owner))).sequence;
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error;
      if (error.rejection.code === 'bucket-not-found') throw noSuchBucket(name);
      throw s3Error(
        'BucketAlreadyExists',
        'The requested bucket name is not available.',
        { BucketName: name },
        { cause: error },
      );
    }
  }

  /**
   * @returns sequence and instant of the commit, and whether anything was decided
   * @throws CommandRejected
   */
  async append(
    name: string,
    command: TimelessBucketCommand,
    meta: CommitMeta,
  ): Promise<{ readonly sequence: number; readonly at: number; readonly hasChanged: boolean }> {
    const at = this.clock.now();
    const { sequence, events } = await decideAndAppend({
      log: this.log,
      aggregate: 'bucket',
      id: name,
      decider: bucketDecider,
      command: { ...command, at },
      commitId: newId(at),
      meta,
      at,
    });
    return { sequence, at, hasChanged: events.length > 0 };
  }
}
