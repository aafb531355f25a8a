import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Progress } from '@fornax/base';
import { taskLogsSubject, unnamedTaskLogsSubject } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { HealthRegistry, NATS } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';
import { followOutput, type LogMessage } from '../stream/log-feed.js';
import { lastLogSequence, logStreamHead, type FeedPlace } from '../stream/log-stream.js';
import { storeOutput } from '../model/log-store.js';
import { OutputArchiver } from '../model/output-archiver.js';
import { OutputErrors } from '../model/output-errors.js';
import { OutputLeases } from '../model/output-leases.js';
import { OutputSignals } from '../model/output-signals.js';
import { InjectDatabase } from '../config/database.js';

/**
 * Brings output from the stream into Postgres, exactly once: the rows and the checkpoint are written in one transaction. Every replica
 * follows the whole stream; which one writes a batch is settled by the checkpoint's row.
 */
@Injectable()
export class LogIngest implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private epoch = '';
  /** The stream's last message at the start. */
  private unnamedUpTo = 0;
  private readonly progress = new Progress();

  constructor(
    @Inject(NATS) private readonly nats: Nats,
    @InjectDatabase() private readonly db: DataSource,
    @Inject(OUTPUT_CONFIG) private readonly config: OutputConfig,
    private readonly leases: OutputLeases,
    private readonly archiver: OutputArchiver,
    private readonly signals: OutputSignals,
    private readonly errors: OutputErrors,
    private readonly health: HealthRegistry,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { epoch, sequence: lastSequence } = await logStreamHead(this.nats);
    this.epoch = epoch;
    this.unnamedUpTo = lastSequence;
    const [row] = await this.db.query<{ epoch: string; sequence: string; sent_ns: string }[]>(
      'SELECT epoch, sequence, sent_ns FROM log_checkpoint WHERE id = 1',
    );
    // Another stream (the old one was wiped) is read from its beginning.
    const isSame = row?.epoch === this.epoch;
    const after = isSame
      ? { sequence: Number(row.sequence), sentNs: BigInt(row.sent_ns) }
      : { sequence: 0, sentNs: 0n };
    this.progress.moveTo(after.sequence);
    const { signal } = this.stop;
    const onError = (error: unknown): void => this.errors.report(error);
    const onGoneBack = (before: FeedPlace, sequence: number): Promise<void> => this.goBack(before, sequence);
    const onState = this.health.follower('output of instances');
    this.running = followOutput(this.nats, { after, signal, onError, onState, onGoneBack }, (batch) =>
      this.store(batch),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  /** Waits, bounded, until the rows hold all output of the task that is in the stream now. @returns whether they do */
  async caughtUp(taskId: string): Promise<boolean> {
    const subjects = [taskLogsSubject(taskId)];
    // No agent writes without its name now, so this is only asked while what an earlier version left is being taken in.
    if (this.progress.position < this.unnamedUpTo) subjects.push(unnamedTaskLogsSubject(taskId));
    const sequence = Math.max(...(await Promise.all(subjects.map((subject) => lastLogSequence(this.nats, subject)))));
    return this.progress.reach(sequence, { timeoutMs: this.config.logReadTimeoutMs, signal: this.stop.signal });
  }

  private async store(batch: readonly LogMessage[]): Promise<void> {
    const last = batch.at(-1)?.sequence ?? 0;
    const chunks = await this.leases.admit(batch);
    const sizes = await this.db.transaction(async (tx) => {
      const [row] = await tx.query<{ epoch: string; sequence: string }[]>(
        'SELECT epoch, sequence FROM log_checkpoint WHERE id = 1 FOR UPDATE',
      );
      const stored = row?.epoch === this.epoch ? Number(row.sequence) : 0;
      if (last <= stored) return [];
      const fresh = chunks.filter(({ sequence }) => sequence > stored);
      const after = await storeOutput(tx, fresh, this.archiver.mostBytes);
      await tx.query('UPDATE log_checkpoint SET epoch = $1, sequence = $2, sent_ns = $3 WHERE id = 1', [
        this.epoch,
        last,
        String(batch.at(-1)?.sentNs ?? 0),
      ]);
      return after;
    });
    this.progress.moveTo(last);
    // Also when another process wrote the rows: its readers are not ours.
    this.signals.wake(chunks.map(({ taskId }) => taskId));
    await this.archiver.relieve(Math.max(0, ...sizes.map(({ keptBytes }) => keptBytes)));
  }

  /** Once over all processes: whoever comes later finds the checkpoint changed. */
  private async goBack(before: FeedPlace, sequence: number): Promise<void> {
    await this.db.query('UPDATE log_checkpoint SET sequence = $3 WHERE id = 1 AND epoch = $1 AND sequence = $2', [
      this.epoch,
      before.sequence,
      sequence,
    ]);
    this.progress.moveTo(sequence);
  }
}
