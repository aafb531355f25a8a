import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@fornax/embedded';
import { startPlatform } from '@fornax/testing/platform';
import pg from 'pg';
import { LoadClient, noOp } from './api.js';
import { cpuOfDescendants } from './cpu.js';
import { openMeasured, untilShown, type MeasuredPage } from './dashboard-page.js';
import { multiply } from './many-tasks.js';
import type { Figure } from './report.js';
import { percentile } from './statistics.js';

const TABLE = `document.querySelector('[role=table][aria-label=Tasks]')`;
/** Rows with a task in them: one that is still read has no link. */
const FIRST_ROW = `${TABLE}?.querySelector('[role=rowgroup] [role=row] a') != null`;

/** Scrolls a screen in two frames until so many rows went by. @returns milliseconds of the frames */
const scrollThrough = (page: MeasuredPage['page'], rows: number): Promise<number[]> =>
  page.evaluate<number[]>(`(async () => {
    const place = ${TABLE}.parentElement;
    const frames = [];
    const seen = () => Math.max(...[...${TABLE}.querySelectorAll('[role=rowgroup] [role=row]')].map((row) => Number(row.ariaRowIndex)));
    let last = performance.now();
    while (seen() < ${rows}) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      frames.push(now - last);
      last = now;
      place.scrollTop += 400;
    }
    return frames;
  })()`);

const WAYS: readonly (readonly [name: string, address: string])[] = [
  ['by state', 'state=failure'],
  ['by a common tag', 'tag=nightly'],
  ['by a rare tag', 'tag=rare'],
  ['by the beginning of the name', 'name=task%2012345'],
  ['oldest first', 'ascending=true'],
  ['in the order of names', 'order=name&ascending=true'],
  ['in the order of states', 'order=state'],
  ['in the order of execution time', 'order=executionTime'],
];

/** The table of tasks of one account that has `tasks` of them, made by SQL of one that was really submitted, in Chromium. */
export const tableOfMany = async (tasks: number, rows: number): Promise<readonly Figure[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-table-'));
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  const platform = await startPlatform({
    env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0', FORNAX_DATABASE_URL: postgres.url },
  });
  const client = new LoadClient(platform, 1);
  const db = new pg.Client({ connectionString: postgres.url });
  let opened: MeasuredPage | undefined;
  try {
    await db.connect();
    const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', noOp('the first', 4));
    await multiply(db, uuid, tasks, 1);
    opened = await openMeasured(platform);
    const { page, mainThread, reads, heapMiB } = opened;
    const address = `${platform.apiUrl}/ui/tasks`;
    const show = async (query: string): Promise<number> => {
      await page.goto(`${address}${query}`, { waitUntil: 'commit' });
      return untilShown(page, FIRST_ROW);
    };
    await show('');
    const firstMs = await show('');
    await mainThread();
    await reads();
    const before = await cpuOfDescendants();
    const frames = await scrollThrough(page, rows);
    const after = await cpuOfDescendants();
    const pages = await reads();
    const scrolling = await mainThread();
    const heap = await heapMiB();
    const ways: Figure[] = [];
    for (const [name, query] of WAYS)
      ways.push({ name: `first rows ${name}, of ${tasks} tasks`, value: await show(`?${query}`), unit: 'ms' });
    const of = `table of ${tasks} tasks`;
    const scrolled = `${of}, ${rows} rows scrolled`;
    const cpu = (kind: 'platform' | 'PostgreSQL'): number => (after[kind] - before[kind]) / pages.length;
    return [
      { name: `${of}: first rows`, value: firstMs, unit: 'ms' },
      { name: `${scrolled}: a page of rows, p50`, value: percentile(pages, 0.5), unit: 'ms' },
      { name: `${scrolled}: a page of rows, p95`, value: percentile(pages, 0.95), unit: 'ms' },
      { name: `${scrolled}: a frame, p95`, value: percentile(frames, 0.95), unit: 'ms' },
      { name: `${scrolled}: the longest frame`, value: Math.max(...frames), unit: 'ms' },
      { name: `${scrolled}: tasks of the main thread over 50 ms`, value: scrolling.longTasks, unit: '' },
      { name: `${scrolled}: the longest of them`, value: scrolling.longestMs, unit: 'ms' },
      { name: `${scrolled}: heap of scripts`, value: heap, unit: 'MiB' },
      { name: `${scrolled}: processor time of the platform, each page`, value: cpu('platform'), unit: 'ms' },
      { name: `${scrolled}: processor time of PostgreSQL, each page`, value: cpu('PostgreSQL'), unit: 'ms' },
      ...ways,
    ];
  } finally {
    await opened?.close();
    client.close();
    await db.end();
    await platform.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
