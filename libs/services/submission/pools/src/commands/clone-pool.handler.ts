import { Injectable } from '@nestjs/common';
import type { RequestContext } from '@fornax/identity';
import { onCurrentConstants } from '@fornax/tasks';
import { PoolLookup } from '../queries/pool-lookup.js';
import { CreatePool } from './create-pool.handler.js';
import { copyOf, type PoolCopy } from './pool-copy.js';

/** Makes a pool from another one of the same owner, with its secrets under a key of its own. */
@Injectable()
export class ClonePool {
  constructor(
    private readonly lookup: PoolLookup,
    private readonly creation: CreatePool,
  ) {}

  /** @returns the new pool's id @throws NotFound, Forbidden, KeyDestroyed, and what a creation throws */
  clone(id: string, changes: PoolCopy, context: RequestContext): Promise<string> {
    return onCurrentConstants(
      () => this.cloneOnce(id, changes, context),
      () => this.lookup.caughtUp(),
    );
  }

  private async cloneOnce(id: string, changes: PoolCopy, context: RequestContext): Promise<string> {
    const { fold, poolId } = await this.lookup.find(context.account, id, 'own');
    return this.creation.create(copyOf(fold.spec, changes), context, {
      way: ['clone-pool', poolId],
      source: { ...fold.spec, ownerId: poolId },
    });
  }
}
