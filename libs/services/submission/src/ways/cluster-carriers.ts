import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { every } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { ClusterCarrierRows } from '@fornax/tasks';
import { Carriers } from './carriers.js';

const FORGET_MS = 60_000;

interface Logger {
  warn(fields: object, message: string): void;
}

/**
 * Says which process links the instances of a cluster: one for all of a task, the first one that is asked, as long as that lives. So connections between them never pass two processes.
 */
@Injectable()
export class ClusterCarriers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stop: () => void = () => undefined;

  constructor(
    private readonly carriers: Carriers,
    private readonly rows: ClusterCarrierRows,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = every(FORGET_MS, () => this.forget());
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** This process. */
  get own(): string {
    return this.carriers.own;
  }

  /** The process that links a task: this one, where none does. */
  of(taskId: string): Promise<string> {
    return this.rows.of(taskId, this.own);
  }

  /** Takes a task over from a process that does not answer, unless that lives all the same, or another one came first. @returns who links it now */
  async takeOver(taskId: string, from: string): Promise<string> {
    if (!(await this.carriers.isMarked(from))) await this.rows.handOver(taskId, from, this.own);
    return this.of(taskId);
  }

  /** Those of the tasks that another process links: it took this one for dead. */
  async elsewhereAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    return taskIds.length === 0 ? new Set() : this.rows.elsewhereAmong(taskIds, this.own);
  }

  /** Of tasks that are over nobody asks any more. Never rejects. */
  private async forget(): Promise<void> {
    try {
      await this.rows.forgetOver();
    } catch (error) {
      this.logger.warn({ err: error }, 'who links clusters that are over could not be forgotten');
    }
  }
}
