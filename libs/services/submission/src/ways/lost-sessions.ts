import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { every } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { OpenSessions } from '@fornax/tasks';
import { AbsentFor } from './absent-for.js';
import { CarrierCalls } from './carrier-calls.js';
import { SessionRecords } from './session-records.js';
import { Sessions } from './sessions.js';

const LOOK_MS = 5_000;
/** Rows may be behind the end of a session that this process has told of. */
const GRACE_MS = 10_000;

type CarriedSession = Awaited<ReturnType<OpenSessions['all']>>[number];

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
    @Inject(OpenSessions) private readonly open: Pick<OpenSessions, 'all'>,
    @Inject(CarrierCalls) private readonly carriers: Pick<CarrierCalls, 'own' | 'goneAmong'>,
    @Inject(Sessions) private readonly sessions: Pick<Sessions, 'recorded' | 'carries' | 'end'>,
    @Inject(SessionRecords) private readonly records: Pick<SessionRecords, 'lost'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = every(LOOK_MS, () => this.look());
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    try {
      const recorded = this.sessions.recorded;
      const all = await this.open.all();
      const gone = await this.carriers.goneAmong(all.map(({ carrier }) => carrier));
      const own = all.filter(({ carrier }) => carrier === this.carriers.own).map(({ session }) => session);
      const now = performance.now();
      const uncarried = this.uncarried.among(
        own,
        own.filter((session) => !this.sessions.carries(session)),
        now,
      );
      for (const one of all) if (gone.has(one.carrier) || uncarried.has(one.session)) await this.tell(one);
      const ended = this.endedAmong(recorded, new Set(own), now);
      for (const session of ended) this.sessions.end(session);
    } catch (error) {
      this.logger.warn({ err: error }, 'which sessions have lost their carrier could not be looked at');
    }
  }

  /** Tells the end of one. Never rejects: those behind it have theirs, too. */
  private async tell({ taskId, owner, session, instance, carrier }: CarriedSession): Promise<void> {
    try {
      this.logger.info({ task: taskId, session, carrier }, 'a session that nobody carries any more has ended');
      await this.records.lost(taskId, owner, { session, instance });
    } catch (error) {
      this.logger.warn({ err: error, task: taskId, session }, 'the end of a session was not recorded');
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
