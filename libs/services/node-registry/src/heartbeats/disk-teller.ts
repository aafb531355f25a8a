import type { Logger } from 'pino';
import type { NodeCommands } from '../fleet/node-commands.js';
import type { DiskNews } from './heartbeat-watch.js';

export interface DiskTellerOptions {
  readonly news: () => readonly DiskNews[];
  readonly commands: Pick<NodeCommands, 'execute'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  /** How long nothing is tried after a failure. */
  readonly restMs: number;
}

/** Brings into the log what heartbeats say of the disks of their nodes, so that the scheduler places nothing on a full one. */
export class DiskTeller {
  private isTelling = false;
  /** By node. */
  private readonly restsUntil = new Map<string, number>();

  constructor(private readonly options: DiskTellerOptions) {}

  /** Tells what is new, unless an earlier call still does; never rejects. */
  async tell(leadership: AbortSignal): Promise<void> {
    if (this.isTelling) return;
    this.isTelling = true;
    try {
      const now = this.options.elapsed();
      const due = this.options.news().filter(({ nodeId }) => (this.restsUntil.get(nodeId) ?? -Infinity) <= now);
      for (const one of due) {
        if (leadership.aborted) return;
        await this.tellOf(one);
      }
    } finally {
      this.isTelling = false;
    }
  }

  /** One node whose commands are refused (a commit of it waits for an operator) keeps nothing of the others back. */
  private async tellOf({ nodeId, epoch, isFull }: DiskNews): Promise<void> {
    const { commands, logger, elapsed, restMs } = this.options;
    try {
      await commands.execute(nodeId, { type: 'ReportDisk', epoch, isFull }, { by: `node:${nodeId}` });
      this.restsUntil.delete(nodeId);
    } catch (err) {
      // The log may have no room itself. It is tried again, but does not fill the platform's own log meanwhile.
      this.restsUntil.set(nodeId, elapsed() + restMs);
      logger.warn(
        { nodeId, err },
        'that the disk of a node is full, or has room again, could not be told; trying again',
      );
    }
  }
}
