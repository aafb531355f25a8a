import { Inject, Injectable } from '@nestjs/common';
import { type Clock, newId } from '@fornax/base';
import { masterKeyDecider } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { keysBefore, MASTER_KEY_RING, Sealer, userMeta, type RequestContext } from '@fornax/identity';
import { CLOCK, DataKeys, EVENT_LOG, type Rewrapped } from '@fornax/service-kit';

/** Data keys in one request: some hundred milliseconds. */
const MOST_AT_ONCE = 2_000;

/** How far the data keys have come. */
export interface RotationStand {
  /** The master key that seals now, by its id. */
  readonly keyId: string;
  readonly dataKeys: number;
  /** Of those, sealed by another master key. */
  readonly left: number;
}

/** Brings what the platform keeps sealed to its newest master key. */
@Injectable()
export class KeyRotation {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly sealer: Sealer,
    private readonly keys: DataKeys,
  ) {}

  async stand(): Promise<RotationStand> {
    return { keyId: this.sealer.keyId, ...(await this.keys.stand()) };
  }

  /**
   * Seals the earlier master keys by the newest, so that what the log holds opens without them, and then some data keys, in the order of their ids. Safe to repeat and
   * to break off: what is done is done. Does nothing where the key that seals in this process is not the newest.
   * @throws CommandRejected, LogUnavailable
   * @param after the last one of the step before; none: from the first
   */
  async step(after: string, context: RequestContext): Promise<Rewrapped> {
    const { earlier, unproven } = await keysBefore(this.log, this.sealer);
    const at = this.clock.now();
    const by = this.sealer.keyId;
    const sealed = this.sealer.sealedMasterKeys(earlier).map(({ keyId, sealed }) => ({ keyId, sealed }));
    await decideAndAppend({
      log: this.log,
      aggregate: 'master-key',
      id: MASTER_KEY_RING,
      decider: masterKeyDecider,
      command: { type: 'KeepMasterKeys', by, earlier: sealed, unproven, at },
      // Each step is decided anew: what was right once is not after this key was succeeded, and what is kept is not kept again.
      commitId: newId(),
      meta: userMeta('submission', context),
      at,
    });
    return this.keys.rewrap(after, MOST_AT_ONCE);
  }
}
