import { Inject, Injectable } from '@nestjs/common';
import { accessDenied, s3Error } from '@fornax/s3';
import { CLOCK, WriteStops, type Writer } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import type { Principal } from '../access/principal.js';
import type { Room, Taking } from '../buckets/quota-gate.js';
import { StorageQuotas } from '../buckets/storage-quotas.js';
import type { Payer } from '../model/holder.js';
import { StorageGates } from '../access/storage-gates.js';
import type { S3Parts } from '../s3/exchange.js';
import { StoreWatch } from '../store/store-watch.js';

const WRITERS = { user: 'user', lease: 'node', service: 'platform' } as const satisfies Record<
  Principal['kind'],
  Writer
>;

/** Whether a request that is known may go on. */
@Injectable()
export class DoorChecks implements Pick<S3Parts, 'checkStore' | 'checkWritable' | 'checkLease' | 'takeRoom' | 'now'> {
  constructor(
    private readonly gates: StorageGates,
    private readonly quotas: StorageQuotas,
    private readonly watch: StoreWatch,
    private readonly stops: WriteStops,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  readonly now = (): number => this.clock.now();

  readonly checkStore = (): void => {
    if (this.watch.trouble() !== undefined)
      throw s3Error('ServiceUnavailable', 'Objects cannot be served at present: the operator is told why.');
  };

  readonly checkWritable = ({ kind }: Principal): void => this.stops.check(WRITERS[kind]);

  readonly checkLease = async (principal: Principal): Promise<void> => {
    if (principal.kind === 'lease') await this.gates.leases.check(principal.claims);
    if (principal.kind === 'service' && this.clock.now() >= principal.claims.expiresAt)
      throw accessDenied('The token has expired.');
  };

  readonly takeRoom = (payer: Payer, taking: Taking): Promise<Room> => this.quotas.take(payer, taking);
}
