import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, signedInPages } from './browser.js';
import { clientsOf } from './clients.js';

const LINES = 50_000;
const TASKS = 3_000;
const BULK = 500;
/** Of what can be seen at once, and as much again on both sides. */
const MOST_ROWS = 60;
const MOST_LINES = 200;

let platform: RunningPlatform;
let api: FornaxClient;
let browser: Browser;

const suite = hasBrowser() ? describe : describe.skip;
const { signedIn, opened } = signedInPages(() => [browser, platform]);

const SHOWN = `document.querySelector('[role=log]').innerText.split('\\n').filter((line) => line !== '')`;
const shown = (page: Page): Promise<readonly string[]> => page.evaluate<string[]>(SHOWN);
const nameOf = (number: number): string => `row ${String(number).padStart(5, '0')}`;

/** Scrolls a table to its end a little at a time. @returns the name in each row that was there, and the most rows that there were at once */
const SCROLLED = `(async () => {
  const table = document.querySelector('[role=table][aria-label=Tasks]');
  const place = table.parentElement;
  const names = {};
  let most = 0;
  for (let silent = 0; silent < 300; ) {
    const rows = [...table.querySelectorAll('[role=rowgroup] [role=row]')];
    most = Math.max(most, rows.length);
    for (const row of rows) {
      const name = row.querySelector('a')?.title;
      if (name !== undefined) names[row.getAttribute('aria-rowindex')] = name;
    }
    const before = place.scrollTop;
    // No further than what was seen: what is still read is waited for.
    const isRead = rows.every((row) => row.querySelector('a') !== null);
    if (isRead) place.scrollTop += 600;
    silent = isRead && place.scrollTop === before ? silent + 1 : 0;
    if (Object.keys(names).length === ${TASKS}) break;
    await new Promise(requestAnimationFrame);
  }
  return { names, most };
})()`;

suite('the dashboard, of much', () => {
  beforeAll(async () => {
    platform = await startPlatform();
    ({ api } = clientsOf(platform));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });

  it('shows the right lines of many, finds some, and goes to any, with few of them in the page', async () => {
    const id = await api.submitTask({
      name: 'talks much',
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: `seq -f 'line %.0f of many' 1 ${LINES}` }],
    });
    const page = await signedIn(api);
    await page.goto(`${platform.apiUrl}/ui/tasks/${id}?tab=output`);
    await page.getByText('50,000 lines · that is all').waitFor({ timeout: 60_000 });
    await page.getByText(`0> line ${LINES} of many`).waitFor();
    const last = await shown(page);
    expect(last.length).toBeLessThan(MOST_LINES);
    expect(last).toEqual(last.map((_, at) => `0> line ${LINES - last.length + 1 + at} of many`));

    await page.getByLabel('Go to line').fill('25000');
    await page.getByLabel('Go to line').press('Enter');
    await page.getByText('0> line 25000 of many').waitFor();
    expect(page.url()).toContain('line=25000');
    expect(await page.getByRole('checkbox', { name: 'Follow' }).isChecked()).toBe(false);
    const middle = await shown(page);
    expect([middle.includes('0> line 25001 of many'), middle.length < MOST_LINES]).toEqual([true, true]);

    const holdsFocus = async (at: ReturnType<Page['getByRole']>): Promise<boolean> =>
      (await at.and(page.locator(':focus')).count()) === 1;
    expect(await holdsFocus(page.getByRole('log'))).toBe(true);

    await page.getByLabel('Lines with').fill('of many');
    await page.getByText('50,000 lines of 50,000 · that is all').waitFor();
    await page.getByRole('log').waitFor();
    // It was gone to once: who types on keeps the focus.
    expect(await holdsFocus(page.getByLabel('Lines with'))).toBe(true);
    await page.getByLabel('Lines with').fill('LINE 49');
    await page.getByText('1,111 lines of 50,000 · that is all').waitFor();
    await page.getByLabel('Lines with').fill('of-none');
    await page.getByText('No line is like this').waitFor();
  });

  it('has every one of 3,000 tasks in its table as it is scrolled, few of them in the page at once, and reads no others again for one more', async () => {
    // No node has so many cores: they wait.
    const waiting = (name: string) => ({
      name,
      profile: 'docker-batch',
      instanceCount: 1,
      tags: ['many'],
      constants: [{ key: 'DOCKER_CMD', value: 'true' }],
      hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 10_000 } as const],
    });
    for (let from = 0; from < TASKS; from += BULK)
      await api.submitTasks(Array.from({ length: BULK }, (_, at) => waiting(nameOf(from + at))));
    const page = await signedIn(api);
    await page.goto(`${platform.apiUrl}/ui/tasks?tag=many&order=name&ascending=true`);
    await page.getByText('3,000 tasks').waitFor();
    await page.getByRole('link', { name: nameOf(0) }).waitFor();
    const { names, most } = await page.evaluate<{ names: Record<string, string>; most: number }>(SCROLLED);
    const missing = Array.from({ length: TASKS }, (_, at) => at).filter((at) => names[String(at + 2)] !== nameOf(at));
    expect(missing).toEqual([]);
    expect(most).toBeLessThan(MOST_ROWS);

    const reads: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/paginate')) reads.push(request.url());
    });
    await api.submitTasks([waiting('row 99999')]);
    await page.getByText('3,001 tasks').waitFor();
    await page.getByRole('link', { name: 'row 99999' }).waitFor();
    // The pages in sight, not all thirty that were read.
    expect(reads.length).toBeLessThan(10);
  });

  it('asks nobody but the platform, and runs nothing that its policy refuses', () => {
    expect(opened.flatMap(({ troubles }) => troubles)).toEqual([]);
  });
});
