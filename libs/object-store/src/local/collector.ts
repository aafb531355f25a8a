import type { Sql } from '../port/object-store.js';
import type { ObjectFiles } from './object-files.js';
import { rowsOf, textOf } from './rows.js';

export interface CollectorOptions {
  readonly garbageGraceMs: number;
  readonly orphanAgeMs: number;
  readonly onError: (error: unknown) => void;
  /** Looks whether the index can be trusted to name every file that is wanted: nothing is removed on its word otherwise. */
  readonly isWhole: () => Promise<boolean>;
  /** Other work that is due every ten seconds. */
  readonly alsoEvery: () => Promise<void>;
}

const INTERVAL_MS = 10_000;
const BATCH = 10_000;
const SWEEP_BATCH = 50_000;

/** Takes away what rows no longer name: files of deleted objects some time after the commit, orphans of crashes at start and once more later. */
export class Collector {
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly #begunAt = { time: Date.now(), elapsed: performance.now() };

  constructor(
    private readonly index: Sql,
    private readonly files: ObjectFiles,
    private readonly options: CollectorOptions,
  ) {}

  start(): void {
    this.#work = this.sweep().catch(this.options.onError);
    // What a crash a moment ago left was too young for the first sweep.
    this.#again = setTimeout(
      () => {
        this.#work = this.#work.then(() => this.sweep()).catch(this.options.onError);
      },
      Math.max(2 * this.options.orphanAgeMs, 0),
    );
    this.#again.unref();
    this.#timer = setInterval(() => {
      this.#work = this.#work
        .then(() => this.collect())
        .then(() => this.options.alsoEvery())
        .catch(this.options.onError);
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  /** Removes the files of deleted objects, and folds the differences of usage. */
  async collect(): Promise<void> {
    if (!(await this.options.isWhole())) return;
    await this.#foldUsage();
    for (let removed = BATCH; removed === BATCH && !this.#isStopped;) {
      const rows = await rowsOf(
        this.index,
        `SELECT file_id FROM object_garbage WHERE since <= clock_timestamp() - $1 * interval '1 millisecond' LIMIT ${BATCH}`,
        [this.options.garbageGraceMs],
      );
      const fileIds = rows.map((row) => textOf(row, 'file_id'));
      await this.files.remove(fileIds);
      if (fileIds.length > 0)
        await this.index.query('DELETE FROM object_garbage WHERE file_id = ANY ($1::uuid[])', [fileIds]);
      removed = fileIds.length;
    }
  }

  async #foldUsage(): Promise<void> {
    await rowsOf(
      this.index,
      `WITH crowded AS (SELECT bucket FROM object_usage GROUP BY bucket HAVING count(*) > 50),
      folded AS (DELETE FROM object_usage AS u USING crowded AS c WHERE u.bucket = c.bucket RETURNING u.*),
      sums AS (INSERT INTO object_usage SELECT bucket, sum(objects), sum(bytes) FROM folded GROUP BY bucket)
      SELECT 1`,
    );
  }

  /** Removes files that no row names and that are too old to belong to a put in progress. */
  async sweep(): Promise<void> {
    if (!(await this.options.isWhole())) return;
    let candidates: string[] = [];
    for await (const names of this.files.filesBefore(new Date(this.#now() - this.options.orphanAgeMs))) {
      candidates.push(...names);
      if (this.#isStopped) return;
      if (candidates.length < SWEEP_BATCH) continue;
      await this.#removeOrphans(candidates);
      candidates = [];
    }
    await this.#removeOrphans(candidates);
  }

  /** The time of day, unless it was set forward since the start: then the files of puts in progress would look old. */
  #now(): number {
    const { time, elapsed } = this.#begunAt;
    return Math.min(Date.now(), time + performance.now() - elapsed);
  }

  async #removeOrphans(candidates: readonly string[]): Promise<void> {
    if (await this.options.isWhole()) await this.files.remove(await this.#orphansAmong(candidates));
  }

  /** Counts what the sweep would remove. */
  async countOrphans(): Promise<number> {
    let count = 0;
    for await (const candidates of this.files.filesBefore(new Date(this.#now() - this.options.orphanAgeMs)))
      count += (await this.#orphansAmong(candidates)).length;
    return count;
  }

  async #orphansAmong(candidates: readonly string[]): Promise<readonly string[]> {
    if (candidates.length === 0) return [];
    const rows = await rowsOf(
      this.index,
      `SELECT id::text AS file_id FROM unnest($1::uuid[]) AS id
      EXCEPT SELECT unnest(file_ids)::text FROM object EXCEPT SELECT file_id::text FROM multipart_part
      EXCEPT SELECT file_id::text FROM object_garbage EXCEPT SELECT manifest_id::text FROM object`,
      [[...candidates]],
    );
    return rows.map((row) => textOf(row, 'file_id'));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    await this.#work;
  }
}
