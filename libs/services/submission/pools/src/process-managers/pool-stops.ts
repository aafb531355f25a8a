import { Injectable } from '@nestjs/common';
import { InjectDatabase, StoppedProjects } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { PoolDeletion } from '../commands/pool-deletion.js';
import { PoolBarrier } from '../model/pool-barrier.js';
import { POOL_COLUMNS, type PoolRecord } from '../model/pool-rows.js';

/** Closes pools that hold slots in a project whose budget stops what runs: a slot costs while it is held, whether or not something runs in it. */
@Injectable()
export class PoolStops {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    projects: StoppedProjects,
    deletion: PoolDeletion,
    barrier: PoolBarrier,
  ) {
    projects.whenStopped({
      barrier,
      stop: async ({ holder }) => {
        const pools = await this.holding(holder);
        if (pools.length > 0) await deletion.close(pools, 'budget-exhausted');
        return undefined;
      },
      failed: 'pools that a budget stops could not be closed, trying again',
    });
  }

  private holding(projectId: string): Promise<readonly PoolRecord[]> {
    return this.db.query<PoolRecord[]>(
      `SELECT ${POOL_COLUMNS} FROM pool
       WHERE coalesce(fold->'spec'->>'projectUuid', owner) = $1 AND NOT (fold->>'closeRequested')::boolean
         AND NOT (fold->>'deleteRequested')::boolean AND jsonb_typeof(fold->'failed') = 'null'
         AND jsonb_array_length(fold->'slots'->'inFlight') > 0`,
      [projectId],
    );
  }
}
