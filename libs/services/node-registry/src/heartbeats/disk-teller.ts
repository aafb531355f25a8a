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
  private restsUntil = -Infinity;

  constructor(private readonly options: DiskTellerOptions) {}

  /** Tells what is new, unless an earlier call still does; never rejects. */
  async tell(leadership: AbortSignal): Promise<void> {
    const { news, commands, logger, elapsed, restMs } = this.options;
    if (this.isTelling || leadership.aborted || elapsed() < this.restsUntil) return;
    this.isTelling = true;
    try {
      for (const { nodeId, epoch, isFull } of news()) {
        if (leadership.aborted) return;
        await commands.execute(nodeId, { type: 'ReportDisk', epoch, isFull }, { by: `node:${nodeId}` });
      }
    } catch (err) {
      // The log may have no room itself. It is tried again, but does not fill the platform's own log meanwhile.
      this.restsUntil = elapsed() + restMs;
      logger.warn({ err }, 'that the disk of a node is full, or has room again, could not be told; trying again');
    } finally {
      this.isTelling = false;
    }
  }
}
