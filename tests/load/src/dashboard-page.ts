import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient } from './api.js';

/** Where Debian's package puts it; another one by the variable of this name. */
const PROGRAM = process.env['FORNAX_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Notes tasks of the main thread over 50 ms, and how long reads of lists took, from the first script on. */
const WATCH = `
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask', buffered: true });
  window.reads = [];
  new PerformanceObserver((list) => window.reads.push(...list.getEntries().filter(({ name }) => name.endsWith('/paginate')).map(({ duration }) => duration)))
    .observe({ type: 'resource', buffered: true });
`;

/** What the main thread of a page did since the last look. */
export interface MainThread {
  readonly longTasks: number;
  readonly longestMs: number;
}

/** A page of the dashboard in Chromium, signed in, with a look at its main thread and memory. */
export interface MeasuredPage {
  readonly page: Page;
  /** Tasks of over 50 ms since the last look. */
  readonly mainThread: () => Promise<MainThread>;
  /** Milliseconds of each read of a list since the last look. */
  readonly reads: () => Promise<readonly number[]>;
  /** Bytes of the heap of scripts, after everything unreachable was collected. */
  readonly heapMiB: () => Promise<number>;
  readonly close: () => Promise<void>;
}

const taken = <T>(page: Page, name: string): Promise<T> => page.evaluate<T>(`window.${name}.splice(0)`);

/** Opens the dashboard as the first account, on its page of tasks. */
export const openMeasured = async (platform: RunningPlatform): Promise<MeasuredPage> => {
  const client = new LoadClient(platform, 1);
  // Chromium's own sandbox is not to be had for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser: Browser = await chromium.launch({ executablePath: PROGRAM, args });
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.setDefaultTimeout(120_000);
  await page.addInitScript(WATCH);
  const { path } = await client.call<{ readonly path: string }>('POST', '/fornax/v1/session/links');
  client.close();
  await page.goto(new URL(path, platform.apiUrl).href);
  await page.getByRole('heading', { name: 'Tasks' }).waitFor();
  const session: CDPSession = await page.context().newCDPSession(page);
  return {
    page,
    mainThread: async () => {
      const durations = await taken<number[]>(page, 'longTasks');
      return { longTasks: durations.length, longestMs: Math.max(0, ...durations) };
    },
    reads: () => taken<number[]>(page, 'reads'),
    heapMiB: async () => {
      await session.send('HeapProfiler.collectGarbage');
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      return usedSize / 2 ** 20;
    },
    close: () => browser.close(),
  };
};

const MOST_MS = 180_000;

/** Milliseconds until something holds. @param holds an expression of the page @throws Error it does not hold in three minutes */
export const untilShown = async (page: Page, holds: string): Promise<number> => {
  const started = performance.now();
  // Its policy lets no string be run inside the page: only what comes by the protocol of the browser is.
  const isShown = await page.evaluate<boolean>(`(async () => {
    const until = performance.now() + ${MOST_MS};
    while (!(${holds}) && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    return Boolean(${holds});
  })()`);
  if (!isShown) throw new Error(`not shown: ${holds}`);
  return performance.now() - started;
};
