import { Inject, Injectable } from '@nestjs/common';
import type { Actor, CommitMeta } from '@fornax/contracts';
import { bucketDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import { noSuchBucket, s3Error } from '@fornax/s3';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { activeTraceparent, newId, type Clock } from '@fornax/base';

/** Who asks, for the record. */
export interface Cause {
  readonly actor: Actor;
  readonly correlationId: string;
}

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

/** Lets the log decide whose a bucket's name is. */
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
  async decide(type: 'CreateBucket' | 'DeleteBucket', owner: string, name: string, cause: Cause): Promise<number> {
    const at = this.clock.now();
    try {
      const { sequence } = await decideAndAppend({
        log: this.log,
        aggregate: 'bucket',
        id: name,
        decider: bucketDecider,
        command: type === 'CreateBucket' ? { type, bucket: name, owner, at } : { type, owner, at },
        commitId: newId(at),
        meta: metaOf(cause, owner),
        at,
      });
      return sequence;
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
}
