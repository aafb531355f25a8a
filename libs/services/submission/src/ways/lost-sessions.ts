import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { every } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { OpenSessions } from '@fornax/tasks';
import { AbsentFor } from './absent-for.js';
import { Carriers } from './carriers.js';
import { SessionRecords } from './session-records.js';
import { Sessions } from './sessions.js';

const LOOK_MS = 5_000;
/** Rows may be behind the end of a session that this process has told of. */
const GRACE_MS = 10_000;

interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * Tells the end of sessions that nobody carries any more: their process was killed, or could not tell it. Each process looks, and whoever comes first is believed. The other way round,
 * what has an end in the log is ended here, too: this process looked dead for a while.
 */
@Injectable()
export class LostSessions implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly uncarried = new AbsentFor(GRACE_MS);
  private readonly unopened = new AbsentFor(GRACE_MS);
  /** Those of this process that rows have told of: rows may come late, and are none before. */
  private seen: ReadonlySet<string> = new Set();
  private stop: () => void = () => undefined;

  constructor(
    private readonly open: OpenSessions,
    private readonly carriers: Carriers,
    private readonly sessions: Sessions,
    private readonly records: SessionRecords,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = every(LOOK_MS, () => this.look());
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** Never rejects. */
  private async look(): Promise<void> {
    try {
      const recorded = this.sessions.recorded;
      const all = await this.open.all();
      const gone = await this.carriers.goneAmong(all.flatMap(({ carrier = '' }) => carrier));
      const own = all.filter(({ carrier }) => carrier === this.carriers.own).map(({ session }) => session);
      const now = performance.now();
      const uncarried = this.uncarried.among(
        own,
        own.filter((session) => !this.sessions.carries(session)),
        now,
      );
      for (const { taskId, owner, session, instance, carrier = '' } of all) {
        if (!gone.has(carrier) && !uncarried.has(session)) continue;
        this.logger.info({ task: taskId, session, carrier }, 'a session that nobody carries any more has ended');
        await this.records.lost(taskId, owner, { session, instance });
      }
      const ended = this.endedAmong(recorded, new Set(own), now);
      for (const session of ended) this.sessions.end(session);
    } catch (error) {
      this.logger.warn({ err: error }, 'which sessions have lost their carrier could not be looked at');
    }
  }

  /** Which sessions of this process have an end in the log. */
  private endedAmong(recorded: readonly string[], isOpen: ReadonlySet<string>, now: number): ReadonlySet<string> {
    this.seen = new Set(recorded.filter((session) => isOpen.has(session) || this.seen.has(session)));
    const known = [...this.seen];
    return this.unopened.among(
      known,
      known.filter((session) => !isOpen.has(session)),
      now,
    );
  }
}
