import { Injectable } from '@nestjs/common';
import { Progress } from '@fornax/base';
import { parseLogSubject } from '@fornax/contracts';
import type { DataSource } from 'typeorm';
import { isId } from '@fornax/tasks';
import { InjectDatabase } from '../config/database.js';
import type { LogMessage } from '../stream/log-feed.js';
import type { FeedPlace } from '../stream/log-stream.js';
import { forgottenAmong, storeOutput } from './log-store.js';
import { OutputArchiver } from './output-archiver.js';
import { OutputLeases } from './output-leases.js';
import { OutputSignals } from './output-signals.js';
import { OutputWindow } from './output-window.js';

/** Output in rows, and the place in the stream up to which it is there: both are written in one transaction. */
@Injectable()
export class IngestedOutput {
  /** How far the rows are in the stream, as this process knows. */
  readonly progress = new Progress();

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly leases: OutputLeases,
    private readonly archiver: OutputArchiver,
    private readonly signals: OutputSignals,
    /** What nodes may have in the stream beyond that. */
    readonly window: OutputWindow,
  ) {}

  /** Begins with a stream. @returns the place up to which its output is in the rows. Another stream (the old one was wiped) is read from its beginning. */
  async begin(epoch: string): Promise<FeedPlace> {
    const [row] = await this.db.query<{ epoch: string; sequence: string; sent_ns: string }[]>(
      'SELECT epoch, sequence, sent_ns FROM log_checkpoint WHERE id = 1',
    );
    const isSame = row?.epoch === epoch;
    const place = isSame
      ? { sequence: Number(row.sequence), sentNs: BigInt(row.sent_ns) }
      : { sequence: 0, sentNs: 0n };
    this.progress.moveTo(place.sequence);
    return place;
  }

  /**
   * Writes a batch, unless another process has written it already, and wakes whoever reads its tasks.
   * @returns tasks that were deleted before this came, of which nothing is written
   */
  async store(epoch: string, batch: readonly LogMessage[]): Promise<readonly string[]> {
    const last = batch.at(-1)?.sequence ?? 0;
    const began = performance.now();
    const chunks = await this.leases.admit(batch);
    // A node names what it likes, also what no database takes.
    const told = [...new Set(batch.flatMap(({ subject }) => parseLogSubject(subject)?.taskId ?? []))].filter(isId);
    let forgotten: ReadonlySet<string> = new Set();
    const sizes = await this.db.transaction(async (tx) => {
      const [row] = await tx.query<{ epoch: string; sequence: string }[]>(
        'SELECT epoch, sequence FROM log_checkpoint WHERE id = 1 FOR UPDATE',
      );
      const stored = row?.epoch === epoch ? Number(row.sequence) : 0;
      if (last <= stored) return [];
      forgotten = await forgottenAmong(tx, told);
      const fresh = chunks.filter(({ sequence, taskId }) => sequence > stored && !forgotten.has(taskId));
      const after = await storeOutput(tx, fresh, this.archiver.mostBytes);
      await tx.query('UPDATE log_checkpoint SET epoch = $1, sequence = $2, sent_ns = $3 WHERE id = 1', [
        epoch,
        last,
        String(batch.at(-1)?.sentNs ?? 0),
      ]);
      return after;
    });
    this.window.stored(
      batch.reduce((sum, { data }) => sum + data.length, 0),
      performance.now() - began,
    );
    this.progress.moveTo(last);
    // Also when another process wrote the rows: its readers are not ours.
    this.signals.wake(chunks.map(({ taskId }) => taskId));
    await this.archiver.relieve(Math.max(0, ...sizes.map(({ keptBytes }) => keptBytes)));
    return [...forgotten];
  }

  /** Puts the place back, once over all processes: whoever comes later finds the checkpoint changed. */
  async goBack(epoch: string, before: FeedPlace, sequence: number): Promise<void> {
    await this.db.query('UPDATE log_checkpoint SET sequence = $3 WHERE id = 1 AND epoch = $1 AND sequence = $2', [
      epoch,
      before.sequence,
      sequence,
    ]);
    this.progress.moveTo(sequence);
  }
}
