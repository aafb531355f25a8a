import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { STREAMS, type StoppedRecord, type UnreadableRecord } from '@fornax/contracts';
import { Quarantine, reasonOf, type EventLog, type QuarantineEntry } from '@fornax/event-store';
import {
  type NamedTasks,
  type RebuildReport,
  ProjectionRunner,
  RebuildInProgress,
  type Projection,
  type RebuildStand,
} from '@fornax/projections';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { HealthRegistry } from '../core/health.registry.js';
import { EVENT_LOG, LOGGER } from '../core/tokens.js';
import { schemaOf } from '../database/service-database.js';
import { NotFound, RecurringTrouble, delay } from '@fornax/base';
import { LogWatch } from '../log/watch/log-watch.js';
import { observeProjectionLag } from './projection-lag.js';

/** What would go if everything were folded from the log as it is now. */
export interface Losses {
  /** Of each table that loses some, how many rows would go or change. */
  readonly tables: readonly { readonly table: string; readonly rows: number }[];
  readonly tasks: NamedTasks;
}

export interface HostedProjection {
  readonly name: string;
  readonly service: string;
  readonly aggregates: readonly string[];
  readonly runner: ProjectionRunner;
}

/** Long enough for a projection to learn that later commits are none of its own. */
const LOOK_MS = 100;
const TURN_MS = 300;
const AGAIN_MS = 1_000;

const rebuildingText = (runner: ProjectionRunner): string | undefined => {
  const { rebuilding, heldUpBy } = runner.health();
  if (rebuilding === undefined) return undefined;
  const held = heldUpBy === undefined ? '' : `. It is held up: ${heldUpBy}`;
  return `rebuilding, ${rebuilding.sequence} of ${rebuilding.of}: rows of an older version answer until then, without what came since${held}`;
};

/** How one projection stands. `lag` is in commits of the whole log. */
export interface ProjectionStatus {
  readonly name: string;
  readonly service: string;
  readonly sequence: number;
  readonly lag: number;
  /** Rows of an older version answer while new ones are folded beside them, this far; absent when that is not so. */
  readonly rebuilding?: RebuildStand;
}

/** Runs every projection of the process: starts them when the application is up, stops them first when it ends. */
@Injectable()
export class ProjectionHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly hosted = new Map<string, HostedProjection>();
  private readonly listeners = new Map<string, (() => void)[]>();
  private readonly stop = new AbortController();
  private running: readonly Promise<void>[] = [];
  /** The last rebuild of each projection that was asked for: one follows the other. */
  private readonly turns = new Map<string, Promise<void>>();
  private underWay = 0;
  /** Of the rebuilds that are under way. */
  private readonly foldedAgain = new Set<string>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly health: HealthRegistry,
    private readonly quarantine: Quarantine,
    private readonly watch: LogWatch,
  ) {
    quarantine.onChange((entry) => this.take(entry));
    observeProjectionLag(() => this.statuses());
  }

  /** @throws Error when the name is taken */
  add(service: string, db: DataSource, projection: Projection): HostedProjection {
    const { name } = projection;
    if (this.hosted.has(name)) throw new Error(`two projections are named ${name}`);
    const trouble = new RecurringTrouble({
      failed: (error, more) => this.logger.error({ err: error, projection: name, more }, 'projection failed'),
      over: (more) => this.logger.info({ projection: name, more }, 'projection works again'),
    });
    const onError = (error: unknown): void => trouble.failed(error);
    const hosted = {
      name,
      service,
      aggregates: projection.aggregates,
      runner: new ProjectionRunner({
        log: this.log,
        db,
        schema: schemaOf(service),
        projection,
        onError,
        onWorking: () => trouble.succeeded(),
        mayStartOver: () => this.watch.trouble === undefined,
        onStopped: (stop) => this.quarantine.noticeStop({ ...stop, follower: name }),
        onResolved: ({ sequence }) => void this.quarantine.resolveStop(name, sequence).catch(onError),
      }),
    };
    this.hosted.set(name, hosted);
    this.health.readiness(`projection ${name}`, () => 'not started yet');
    return hosted;
  }

  /** @throws NotFound */
  runner(name: string): ProjectionRunner {
    const hosted = this.hosted.get(name);
    if (!hosted) throw new NotFound(`No such projection: ${name}`);
    return hosted.runner;
  }

  /** Its rows are of an older version, and do not move until new ones take their place. */
  isRebuilding(name: string): boolean {
    return this.runner(name).health().rebuilding !== undefined;
  }

  /** Names of the projections of one service. */
  namesOf(service: string): readonly string[] {
    return [...this.hosted.values()].filter((one) => one.service === service).map(({ name }) => name);
  }

  /** Folds everything beside the live rows, and compares. */
  async losses(): Promise<Losses> {
    const tables: { readonly table: string; readonly rows: number }[] = [];
    let named: NamedTasks = { count: 0, ids: [] };
    for (const { runner } of this.hosted.values()) {
      const { differences, tasks } = await runner.rebuild({ verify: true, otherLog: true });
      for (const { table, onlyLive } of differences) if (onlyLive > 0) tables.push({ table, rows: onlyLive });
      // They are about the same tasks: whoever knows the most of them names them.
      if (tasks !== undefined && tasks.count > named.count) named = tasks;
    }
    return { tables, tasks: named };
  }

  has(name: string): boolean {
    return this.hosted.has(name);
  }

  /** Read your own writes. @returns false when the projection has not passed the sequence in time */
  waitFor(name: string, sequence: number, timeoutMs: number, hasTime = false): Promise<boolean> {
    return this.runner(name).waitFor(sequence, timeoutMs, hasTime);
  }

  async statuses(): Promise<readonly ProjectionStatus[]> {
    if (this.hosted.size === 0) return [];
    const head = await this.log.head();
    return Promise.all(
      [...this.hosted.values()].map(async ({ name, service, runner }) => {
        // Commits that do not concern a projection are no lag: a short wait lets it find out that they do not.
        await runner.waitFor(head.sequence, LOOK_MS);
        const { position, rebuilding } = runner.health();
        const { sequence } = position;
        const stand = rebuilding === undefined ? {} : { rebuilding };
        return { name, service, sequence, lag: Math.max(0, head.sequence - sequence), ...stand };
      }),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    const atStart = await this.log.head();
    this.running = [...this.hosted.values()].map(({ name, runner }) => {
      this.health.readiness(`projection ${name}`, () => this.catchingUp(runner, atStart.sequence));
      this.health.part(`projection ${name}`, () => rebuildingText(runner));
      return runner.start(this.stop.signal).catch((error: unknown) => {
        this.logger.error({ err: error, projection: name }, 'projection stopped');
        this.health.readiness(`projection ${name}`, () => (error instanceof Error ? error.message : String(error)));
      });
    });
    // What a process that died, or was not there, owes since an operator asked for it.
    for (const entry of this.quarantine.list()) this.take(entry);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await Promise.allSettled(this.running);
  }

  /**
   * As an operator wants it.
   * @throws NotFound, RebuildRefused, RebuildInProgress, ProjectionBusy, ProjectionOutOfDate
   */
  async rebuild(name: string, options: { readonly verify: boolean; readonly force: boolean }): Promise<RebuildReport> {
    const report = await this.runner(name).rebuild(options);
    if (report.swapped) this.tellFoldedAgain(name);
    return report;
  }

  /** Called after the rows of a projection were folded again in this process: an operator wanted it, or something in the quarantine is in them after all. */
  onFoldedAgain(name: string, listener: () => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  private tellFoldedAgain(name: string): void {
    for (const listener of this.listeners.get(name) ?? []) listener();
  }

  /**
   * What was left out is folded by rebuilding whatever it belongs to: right for every projection, beside the live rows. A message is handed over to
   * each projection first, so that the register knows what is still owed when a process dies on the way or is not there: the start looks for it.
   */
  private take(entry: QuarantineEntry): void {
    const { what, state } = entry;
    if (what.kind === 'stopped') {
      if (state === 'retrying' && this.hosted.has(what.follower)) void this.foldAgain(entry.id, what);
      return;
    }
    // Nobody went past it, so nobody owes anything.
    if (what.damage !== undefined) {
      if (state === 'retrying') void this.untilWritten(() => this.quarantine.resolve(entry.id)).catch(() => undefined);
      return;
    }
    if (what.stream === STREAMS.events && (state === 'retrying' || state === 'retried'))
      void this.handOver(entry, what).catch((error: unknown) =>
        this.logger.error({ err: error, id: entry.id }, 'what is to be folded after all could not be handed over'),
      );
  }

  /** Until it could be written: nothing else would try again before the next start. */
  private async handOver({ id, decision }: QuarantineEntry, what: UnreadableRecord): Promise<void> {
    const { aggregate, aggregateId, sequence } = what;
    const meant = [...this.hosted.values()].filter(({ aggregates }) => aggregates.includes(aggregate ?? ''));
    const reason = `message ${sequence} is folded after all`;
    if (aggregate !== null && aggregateId !== null && decision !== null)
      for (const { name } of meant)
        await this.untilWritten(() =>
          this.quarantine.handOver({ follower: name, sequence, aggregate, aggregateId, reason }, decision),
        );
    await this.untilWritten(() => this.quarantine.resolve(id));
  }

  private async untilWritten(write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        if (this.stop.signal.aborted) throw error;
        this.logger.warn({ err: error }, 'the quarantine cannot be written, trying again');
        await delay(AGAIN_MS, this.stop.signal);
        this.stop.signal.throwIfAborted();
      }
    }
  }

  private async foldAgain(id: string, what: StoppedRecord): Promise<void> {
    const { follower: name, sequence } = what;
    this.underWay += 1;
    const before = this.turns.get(name) ?? Promise.resolve();
    const mine = before.then(async () => {
      // Told twice, at the start and as a change; or decided otherwise meanwhile.
      if (this.quarantine.get(id)?.state !== 'retrying') return;
      try {
        await this.rebuiltInTurn(this.runner(name));
        this.foldedAgain.add(name);
        // One that has stopped at the same commit again is open by now.
        await this.untilWritten(() => this.quarantine.resolveStop(name, sequence));
      } catch (error) {
        // Whoever ends leaves it as it is: the next start finds it.
        if (this.stop.signal.aborted) return;
        this.logger.error({ err: error, projection: name }, 'a projection could not be rebuilt');
        this.quarantine.noticeStop({ ...what, reason: reasonOf(error) });
      }
    });
    this.turns.set(name, mine);
    await mine;
    this.underWay -= 1;
    if (this.underWay > 0 || this.stop.signal.aborted) return;
    const names = [...this.foldedAgain];
    this.foldedAgain.clear();
    for (const folded of names) this.tellFoldedAgain(folded);
  }

  /** Another rebuild, or a comparison, may have begun before this was to be folded: it says nothing about it, so its end is waited for. */
  private async rebuiltInTurn(runner: ProjectionRunner): Promise<void> {
    for (;;) {
      try {
        await runner.rebuild({ verify: false });
        return;
      } catch (error) {
        if (!(error instanceof RebuildInProgress) || this.stop.signal.aborted) throw error;
        await delay(TURN_MS, this.stop.signal);
        this.stop.signal.throwIfAborted();
      }
    }
  }

  /** Ready means: what was in the log when the process started is in the rows. Later lag is a metric, not a reason to stop serving. */
  private async catchingUp(runner: ProjectionRunner, sequence: number): Promise<string | undefined> {
    const passed = await runner.waitFor(sequence, LOOK_MS);
    const { isHealthy, detail, position, rebuilding } = runner.health();
    if (!isHealthy) return detail ?? 'stopped';
    // Rows of an older version answer meanwhile: a part's trouble.
    if (rebuilding !== undefined) return undefined;
    return passed ? undefined : `at ${position.sequence} of ${sequence}`;
  }
}
