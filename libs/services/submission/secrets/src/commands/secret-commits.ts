import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId } from '@fornax/base';
import { secretDecider, type SecretCommand, type SecretEvent } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { userMeta, type RequestContext } from '@fornax/identity';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { stateOf, type SecretRecord } from '../model/secret-rows.js';
import { SecretBarrier } from '../model/secrets.projection.js';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Decides commands on secrets; answers once the rows show what came out. */
@Injectable()
export class SecretCommits {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly barrier: SecretBarrier,
  ) {}

  /**
   * @param row the fold at hand; without it the whole aggregate is read
   * @throws CommandRejected, Outrun, LogUnavailable, OutcomeUnknown
   */
  async decide(
    secretId: string,
    timeless: DistributiveOmit<SecretCommand, 'at'>,
    context: RequestContext,
    row?: SecretRecord,
  ): Promise<readonly SecretEvent[]> {
    const at = this.clock.now();
    const { events, sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'secret',
      id: secretId,
      decider: secretDecider,
      command: { ...timeless, at } as SecretCommand,
      commitId: newId(),
      meta: userMeta('submission', context),
      at,
      ...(row === undefined ? {} : { loaded: { state: stateOf(row), sequence: Number(row.sequence) } }),
    });
    // Nobody waits for the rows to say that they were read.
    if (timeless.type !== 'RecordRead') await this.barrier.passed(sequence);
    return events;
  }
}
