import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { taskLogsSubject, unnamedTaskLogsSubject } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { HealthRegistry, NATS } from '@fornax/service-kit';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';
import { followOutput } from '../stream/log-feed.js';
import { lastLogSequence, logStreamHead, purgeOutput, type FeedPlace } from '../stream/log-stream.js';
import { IngestedOutput } from '../model/ingested-output.js';
import { OutputErrors } from '../model/output-errors.js';

/**
 * Brings output from the stream into Postgres, exactly once: the rows and the checkpoint are written in one transaction. Every replica
 * follows the whole stream; which one writes a batch is settled by the checkpoint's row.
 */
@Injectable()
export class LogIngest implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  /** The stream's last message at the start. */
  private unnamedUpTo = 0;

  constructor(
    @Inject(NATS) private readonly nats: Nats,
    @Inject(OUTPUT_CONFIG) private readonly config: OutputConfig,
    private readonly output: IngestedOutput,
    private readonly errors: OutputErrors,
    private readonly health: HealthRegistry,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { epoch, sequence: lastSequence } = await logStreamHead(this.nats);
    this.unnamedUpTo = lastSequence;
    const after = await this.output.begin(epoch);
    const { signal } = this.stop;
    const onError = (error: unknown): void => this.errors.report(error);
    const onGoneBack = (before: FeedPlace, sequence: number): Promise<void> =>
      this.output.goBack(epoch, before, sequence);
    const onState = this.health.follower('output of instances');
    this.running = followOutput(this.nats, { after, signal, onError, onState, onGoneBack }, async (batch) =>
      this.purge(await this.output.store(epoch, batch)),
    );
  }

  /** What came after its task was deleted does not stay in the stream either. */
  private async purge(taskIds: readonly string[]): Promise<void> {
    try {
      await purgeOutput(this.nats, taskIds);
    } catch (error) {
      this.errors.notPurged(error);
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  /** Waits, bounded, until the rows hold all output up to a sequence. @returns up to which they do; what is not in the stream any more counts */
  async readUpTo(sequence: number, timeoutMs: number): Promise<number> {
    const { progress } = this.output;
    const isReached = await progress.reach(sequence, { timeoutMs, signal: this.stop.signal });
    if (isReached) return progress.position;
    // Of a stream that was wiped: nobody will read it.
    const isGone = sequence > (await logStreamHead(this.nats)).sequence;
    return isGone ? sequence : progress.position;
  }

  /** Waits, bounded, until the rows hold all output of the task that is in the stream now. @returns whether they do */
  async caughtUp(taskId: string, timeoutMs = this.config.logReadTimeoutMs): Promise<boolean> {
    const subjects = [taskLogsSubject(taskId)];
    // No agent writes without its name now, so this is only asked while what an earlier version left is being taken in.
    if (this.output.progress.position < this.unnamedUpTo) subjects.push(unnamedTaskLogsSubject(taskId));
    const sequence = Math.max(...(await Promise.all(subjects.map((subject) => lastLogSequence(this.nats, subject)))));
    return this.output.progress.reach(sequence, { timeoutMs, signal: this.stop.signal });
  }
}
