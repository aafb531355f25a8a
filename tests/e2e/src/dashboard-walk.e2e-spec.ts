import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { eventually } from '@fornax/testing';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser } from './browser.js';
import { makeSamples, MOST_BYTES, PICTURES, takePictures } from './dashboard-pictures.js';
import { launch, readRuntime, type Launched } from './launch.js';
import { redPoint } from './red-point.js';

const MINUTES_3_MS = 180_000;
/** What somebody types: each instance makes a picture of the one that came along, and says so. */
const COMMAND = `sh -c "sleep 2; cp red.png picture-\${INSTANCE_ID}.png; echo made \${INSTANCE_ID}"`;

const suite = hasBrowser() ? describe : describe.skip;

suite('somebody who never saw Fornax', () => {
  let data: string;
  let started: Launched | undefined;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'fornax-walk-'));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    started?.child.kill('SIGINT');
    await started?.ended;
    await rm(data, { recursive: true, force: true });
  });

  it('types npm start, opens the link, submits with a file, watches four instances, downloads the picture, and sees bill and history in under three minutes', async () => {
    const from = performance.now();
    const steps: string[] = [];
    const did = (what: string): void => {
      steps.push(`${what} ${((performance.now() - from) / 1000).toFixed(1)} s`);
    };
    const launched = launch(data, []);
    started = launched;
    const printed = (): string | undefined => /http:\S+\/ui\/#sign-in=\S+/.exec(launched.output())?.[0];
    await eventually(() => printed() !== undefined || launched.child.exitCode !== null, { timeoutMs: 120_000 });
    did('started');
    page = await (await browser.newContext({ viewport: { width: 1200, height: 760 } })).newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(printed() ?? '');
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    did('signed in');

    await page.getByRole('link', { name: 'Submit', exact: true }).click();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('My first task');
    await page.getByLabel('Instances').fill('4');
    await page.getByLabel('DOCKER_CMD').fill(COMMAND);
    const picture = { name: 'red.png', mimeType: 'image/png', buffer: redPoint() };
    await page.getByLabel('Files for the task').setInputFiles(picture);
    await page.getByRole('combobox', { name: 'Bucket for results' }).fill('my-pictures');
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: 'My first task' }).waitFor();
    did('submitted');

    await page.getByRole('tab', { name: 'Instances' }).click();
    await page.getByRole('img', { name: 'Map of 4 instances', exact: false }).waitFor();
    await page.getByRole('img', { name: '4 succeeded', exact: false }).waitFor({ timeout: 60_000 });
    await page.getByText('Success', { exact: true }).waitFor();
    did('done');

    await page.getByRole('tab', { name: 'Files' }).click();
    await page.getByRole('button', { name: 'picture-3.png', exact: true }).click();
    await page.getByRole('img', { name: 'picture-3.png' }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('dialog').getByRole('button', { name: 'Download' }).click();
    expect((await readFile(await (await download).path())).equals(redPoint())).toBe(true);
    await page.getByRole('button', { name: 'Close' }).click();
    did('has the picture');

    await page.getByRole('tab', { name: 'Bill' }).click();
    await page.getByText('So far').waitFor();
    await page.getByText('€', { exact: false }).first().waitFor();
    await page.getByRole('tab', { name: 'History' }).click();
    await page.getByRole('cell', { name: 'TaskSubmitted' }).waitFor();
    did('saw bill and history');
    process.stderr.write(`the walk: ${steps.join(', ')}\n`);
    expect(performance.now() - from).toBeLessThan(MINUTES_3_MS);
  });

  (PICTURES === undefined ? it.skip : it)('is shown what each page looks like in the guide', async () => {
    const { api } = await readRuntime(data);
    const token = (await readFile(join(data, 'secrets', 'token'), 'utf8')).trim();
    const client = new FornaxClient({ url: api.url, token });
    const task = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    const samples = await makeSamples(client);
    const sizes = await takePictures(page, api.url, PICTURES ?? '', [task, samples]);
    process.stderr.write(`pictures: ${JSON.stringify(sizes)}\n`);
    expect(Object.entries(sizes).filter(([, bytes]) => bytes > MOST_BYTES)).toEqual([]);
  });
});
