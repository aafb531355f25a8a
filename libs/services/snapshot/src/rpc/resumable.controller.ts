import { Controller } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable } from '@fornax/base';
import { resumableReplySchema, resumableRequestSchema, RPC } from '@fornax/contracts';
import type { ReadBarrier } from '@fornax/projections';
import { parseInput, ReadBarriers, RpcHandler } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { completePart } from '../projections/snapshot-rows.js';

/** Tells the scheduler which snapshot an instance may begin with. */
@Controller()
export class ResumableController {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('snapshots');
  }

  /** @throws Unavailable the rows are too far behind to say which is the latest */
  @RpcHandler(RPC.resumable)
  async answer(payload: unknown): Promise<z.output<typeof resumableReplySchema>> {
    const { taskId, instance, snapshotId = null } = parseInput(resumableRequestSchema, payload);
    if (!(await this.barrier.caughtUp()))
      throw new Unavailable('the snapshots projection is behind the log', { code: 'projection-behind' });
    const part = await completePart(this.db, { taskId, instance, snapshotId });
    return { restore: part ? { taskId, ...part } : null };
  }
}
