import { Inject, Injectable } from '@nestjs/common';
import { RpcClient } from '@fornax/base';
import { onGivenUp, Quarantine } from '@fornax/event-store';
import { LOGGER, ProjectionHost } from '@fornax/service-kit';
import { z } from 'zod';
import type { Logger } from '../ports/logger.js';
import { SCHEDULER_RPC } from '../rpc/subjects.js';
import { Terms } from './terms.js';

/**
 * Ends a term whose beginning is not true any more: it goes on from what it began with. Where the log has lost some of that, or the rows were folded
 * again, the next one begins with what is true now.
 */
@Injectable()
export class NewBeginnings {
  constructor(
    private readonly terms: Terms,
    private readonly rpc: RpcClient,
    projections: ProjectionHost,
    quarantine: Quarantine,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    projections.onFoldedAgain('work', () => void this.beginAnew());
    onGivenUp(quarantine, () => void terms.end());
  }

  /** Whoever leads, here or in another process, ends its term. A term that begins later begins with the rows as they are now anyway. */
  private async beginAnew(): Promise<void> {
    if (this.terms.end()) return;
    try {
      await this.rpc.request(SCHEDULER_RPC.beginAnew, {}, z.object({}));
    } catch (error) {
      this.logger.warn({ err: error }, 'the leading scheduler could not be told that its rows were folded again');
    }
  }
}
