import { Controller } from '@nestjs/common';
import { liveProgressReplySchema, liveProgressRequestSchema, MOST_LIVE_PROGRESS, RPC } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';
import { LiveStatus } from '../live/live-status.js';

/** Tells billing how far the instances of a task are, for what they will cost. */
@Controller()
export class LiveProgressController {
  constructor(private readonly live: LiveStatus) {}

  @RpcHandler(RPC.liveProgress)
  answer(payload: unknown): z.output<typeof liveProgressReplySchema> {
    const { taskId } = parseInput(liveProgressRequestSchema, payload);
    const leases = [...this.live.of(taskId).values()]
      .filter(({ instance }) => instance.progress > 0)
      .slice(0, MOST_LIVE_PROGRESS)
      .map(({ node, instance: { leaseId, progress, executionMs } }) => ({ node, leaseId, progress, executionMs }));
    return { leases };
  }
}
