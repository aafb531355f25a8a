import { Inject, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { delay, newId } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { lead } from '@fornax/event-store';
import { CORE_CONFIG, LOGGER, LogFollower, LogHandler, LogWatch, NATS, type CoreConfig } from '@fornax/service-kit';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ServiceLogger } from '../config/tokens.js';
import { LogArchive } from './log-archive.js';

/** How often is looked what may leave the log, whether something is written or not: as often as commits are archived, within these. */
const LEAVE_EVERY_MS = { least: 500, most: 60_000 };

/** Archives the log as it grows, in one process at a time: some time after a commit, whatever comes meanwhile with it. */
@LogFollower()
export class LogArchiving implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private leading: Promise<void> = Promise.resolve();
  private isWanted = true;
  private wake = (): void => undefined;

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    private readonly archive: LogArchive,
    private readonly watch: LogWatch,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {}

  onApplicationBootstrap(): void {
    const { afterMs, leaderTtlMs } = this.archive.archiver.config;
    if (afterMs === 0) return;
    const options = {
      name: 'log-archive',
      candidate: `${this.core.name}-${newId()}`,
      ttlMs: leaderTtlMs,
      replicas: this.core.nats.replicas,
      signal: this.stop.signal,
      onError: (error: unknown) => this.logger.warn({ err: error }, 'the event log is archived later'),
    };
    this.leading = lead(this.nats, options, (_, signal) => this.keepArchiving(afterMs, signal));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    this.wake();
    await this.leading.catch((error: unknown) => this.logger.warn({ err: error }, 'archiving did not stop cleanly'));
  }

  /** Something was written that is not a note of the archive itself. */
  @LogHandler({ name: 'log-archive', from: 'now', wants: ({ aggregate }) => aggregate !== 'log-archive' })
  follow(_: readonly RecordedCommit[]): Promise<void> {
    this.isWanted = true;
    this.wake();
    return Promise.resolve();
  }

  private async keepArchiving(afterMs: number, signal: AbortSignal): Promise<void> {
    this.archive.archiver.begin();
    this.isWanted = true;
    while (!signal.aborted) {
      if (!this.isWanted) await this.untilWanted(signal);
      await delay(afterMs, signal);
      await this.watch.opened(signal);
      if (signal.aborted) return;
      this.isWanted = false;
      await this.archive.archiver.archive(signal);
      await this.letLeave(signal);
    }
  }

  /** Why it cannot is told by the archive's state; archiving goes on. */
  private async letLeave(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted && (await this.archive.retention.step()));
    } catch (error) {
      this.logger.warn({ err: error }, 'nothing leaves the event log');
    }
  }

  private async untilWanted(signal: AbortSignal): Promise<void> {
    const { least, most } = LEAVE_EVERY_MS;
    const everyMs = Math.min(most, Math.max(least, this.archive.archiver.config.afterMs));
    const timer = this.archive.retention.isOn ? setTimeout(() => this.wake(), everyMs) : undefined;
    try {
      await this.untilWoken(signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private async untilWoken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    const over = (): void => resolve();
    signal.addEventListener('abort', over);
    if (!this.isWanted && !signal.aborted) await promise;
    signal.removeEventListener('abort', over);
  }
}
