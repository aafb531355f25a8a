import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { FornaxEvent } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import type { ObjectStore } from '@fornax/object-store';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { OBJECT_STORE, type ServiceLogger } from '../config/tokens.js';
import { EffectBell } from '../effects/effect-bell.js';
import { effectsOf, type ObjectEffect } from '../effects/object-effect.js';
import { noteEffects } from '../effects/outbox.js';
import {
  SNAPSHOTS_BUCKET,
  STAGING_BUCKET,
  stagedTaskPrefix,
  TABLES_BUCKET,
  TASK_AREAS,
} from '../model/bucket-names.js';
import { dropOutdated, snapshotsIn } from '../store/staged-results.js';
import { Repeated } from './repeated.js';

const PAGE = 1_000;
const SNAPSHOT_AREAS: ReadonlySet<string> = new Set([STAGING_BUCKET, SNAPSHOTS_BUCKET]);
/** Of one that failed, or was pruned, nothing is kept; of one that is complete, nothing that is not published. */
const ENDS: ReadonlySet<FornaxEvent['type']> = new Set(['SnapshotFailed', 'SnapshotPruned']);
const ENDS_OF_STAGED: ReadonlySet<FornaxEvent['type']> = new Set([...ENDS, 'SnapshotCompleted']);
/** After the start: what an earlier process, or an earlier version, has left. */
const FIRST_MS = 15_000;
const AGAIN_MS = 6 * 3_600_000;
const AFTER_FAILURE_MS = 300_000;
const MOST_REMEMBERED = 200_000;
/** No submission takes that long, repetitions of its client included. */
const UNSUBMITTED_MS = 24 * 3_600_000;

/**
 * Collects what deleted tasks, and snapshots that failed or were pruned, left in the areas of the platform: a list of results, say, whose upload was under way when its task was deleted. What
 * a storage of an earlier version did not publish of complete snapshots is published. Their deletion is in the log, and is carried out once more for each task that anything is there of. A task that the log does not know is left alone, but for
 * tables of parameters that came before it.
 */
@Injectable()
export class Leftovers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Up to which commit tasks that are not deleted were read. */
  readonly #readTo = new Map<string, number>();
  readonly #repeated: Repeated;

  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    private readonly bell: EffectBell,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {
    this.#repeated = new Repeated({
      work: (signal) => this.sweep(signal),
      onError: (error) => logger.warn({ err: error }, 'leftovers of deleted tasks are looked for later'),
      firstMs: FIRST_MS,
      againMs: AGAIN_MS,
      afterFailureMs: AFTER_FAILURE_MS,
    });
  }

  onApplicationBootstrap(): void {
    this.#repeated.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#repeated.stop();
  }

  /** Looks through the areas once. Safe to repeat, and in several processes. @returns the tasks whose leftovers are being deleted */
  async sweep(signal?: AbortSignal, at = new Date()): Promise<readonly string[]> {
    const swept = new Set<string>();
    for (const area of TASK_AREAS)
      for await (const tasks of this.#tasksIn(area)) {
        const effects: ObjectEffect[] = [];
        for (const taskId of tasks) {
          if (signal?.aborted === true) return [...swept];
          if (swept.has(taskId)) continue;
          const deletion = await this.#deletionOf(taskId);
          if (deletion) {
            effects.push(deletion);
            swept.add(taskId);
          } else if (SNAPSHOT_AREAS.has(area)) effects.push(...(await this.#endedSnapshots(area, taskId)));
        }
        if (effects.length === 0) continue;
        await this.db.transaction((tx) => noteEffects(tx, effects));
        this.bell.ring();
      }
    for (const taskId of await this.#sweepTables(at, signal)) swept.add(taskId);
    if (swept.size > 0) this.logger.info({ tasks: swept.size }, 'what deleted tasks had left is being deleted');
    return [...swept];
  }

  /**
   * Deletes tables of parameters whose task did not come to be: a table is stored before its task is submitted, and nothing in the log tells of one whose
   * submission failed. A day later it will not come any more.
   */
  async #sweepTables(at: Date, signal?: AbortSignal): Promise<readonly string[]> {
    const swept: string[] = [];
    const before = new Date(at.getTime() - UNSUBMITTED_MS);
    for await (const tasks of this.#tasksIn(TABLES_BUCKET))
      for (const taskId of tasks) {
        if (signal?.aborted === true) return swept;
        if (this.#readTo.has(taskId)) continue;
        const old = { prefix: stagedTaskPrefix(taskId), before };
        const { through } = await this.store.findOld(TABLES_BUCKET, old, PAGE);
        if (through === undefined || (await this.log.readAggregate('task', taskId, 0, 1)).length > 0) continue;
        await this.store.deleteOld(TABLES_BUCKET, { ...old, through });
        swept.push(taskId);
      }
    return swept;
  }

  async *#tasksIn(area: string): AsyncGenerator<readonly string[]> {
    let after: string | undefined;
    do {
      const page: Awaited<ReturnType<ObjectStore['list']>> = await this.store.list(area, {
        delimiter: '/',
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      yield page.prefixes.map((prefix) => prefix.slice(0, -1));
      after = page.next;
    } while (after !== undefined);
    // What was begun and never completed shows in no list of objects.
    const uploads = await this.store.listUploads(area);
    yield [...new Set(uploads.map(({ key }) => key.split('/')[0] ?? ''))];
  }

  /**
   * What the ends of snapshots do that left something after all: a node sends until it has noticed that its snapshot failed, and a storage of before may have
   * read that one is complete without knowing what to do. Something newer that has a place by now keeps it.
   */
  async #endedSnapshots(area: string, taskId: string): Promise<readonly ObjectEffect[]> {
    const effects: ObjectEffect[] = [];
    for (const snapshot of await snapshotsIn(this.store, area, taskId)) {
      const commits = await this.log.readAggregate('snapshot', snapshot);
      const isEnd = ({ type }: FornaxEvent): boolean => (area === STAGING_BUCKET ? ENDS_OF_STAGED : ENDS).has(type);
      const end = commits.findLast(({ events }) => events.some(isEnd));
      if (!end) continue;
      const found = effectsOf([{ ...end, events: end.events.filter(isEnd) }]);
      for (const { kind, names } of found)
        if (kind === 'publish') for (const prefix of names) await dropOutdated(this.store, prefix);
      effects.push(...found);
    }
    return effects;
  }

  /** What the deletion of a task does to objects; undefined while it is not deleted, and of one that the log does not know. */
  async #deletionOf(taskId: string): Promise<ObjectEffect | undefined> {
    const commits = await this.log.readAggregate('task', taskId, this.#readTo.get(taskId) ?? 0);
    const deleted = commits.find(({ events }) => events.some(({ type }) => type === 'TaskDeleted'));
    if (deleted) {
      this.#readTo.delete(taskId);
      const only = { ...deleted, events: deleted.events.filter(({ type }) => type === 'TaskDeleted') };
      return effectsOf([only])[0];
    }
    const last = commits.at(-1);
    if (last && this.#readTo.size < MOST_REMEMBERED) this.#readTo.set(taskId, last.sequence);
    return undefined;
  }
}
