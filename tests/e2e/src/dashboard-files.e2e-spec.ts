import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import type { Browser, Download, Page } from 'playwright-core';
import { hasBrowser, openBrowser, signedInPages, violationsOn } from './browser.js';
import { clientsOf } from './clients.js';
import { redPoint } from './red-point.js';

const RUNS = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;
/** The name of a file that would run, were it anything but text. */
const NAME = `<img src=x onerror=document.title='run'>.html`;
const LARGE_BYTES = 40_000_000;

let platform: RunningPlatform;
let api: FornaxClient;
let browser: Browser;
let folder: string;

const suite = hasBrowser() ? describe : describe.skip;

const { signedIn, opened } = signedInPages(() => [browser, platform]);
const open = (page: Page, path: string) => page.goto(`${platform.apiUrl}/ui${path}`);
const drop = (page: Page, label: string, files: Parameters<Page['setInputFiles']>[1]) =>
  page.getByLabel(label).setInputFiles(files);
const text = (name: string, content: string) => ({ name, mimeType: 'text/html', buffer: Buffer.from(content) });
const contentOf = async (download: Download): Promise<Buffer> => readFile(await download.path());
const downloadBy = async (page: Page, name: string | RegExp): Promise<Download> => {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name }).first().click();
  return download;
};

beforeAll(async () => {
  platform = await startPlatform();
  ({ api } = clientsOf(platform));
  folder = await mkdtemp(join(tmpdir(), 'fornax-dropped-'));
});
afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

suite('files in the dashboard', () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('are dropped into a new bucket, looked at, downloaded, handed on and deleted; what would run is text', async () => {
    const page = await signedIn(api);
    await open(page, '/buckets');
    await page.getByLabel('New bucket').fill('dropped');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('There is nothing in here').waitFor();
    await drop(page, 'Files to upload', [
      text(NAME, RUNS),
      text('table.csv', 'name,value\n"a, b",<b>1</b>\n'),
      { name: 'red.png', mimeType: 'image/png', buffer: redPoint() },
    ]);
    await page.getByRole('button', { name: NAME, exact: true }).click();
    await page.getByRole('dialog').getByText(RUNS).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'table.csv', exact: true }).click();
    await page.getByRole('cell', { name: 'a, b', exact: true }).waitFor();
    await page.getByRole('cell', { name: '<b>1</b>', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'red.png', exact: true }).click();
    const shown = page.getByRole('img', { name: 'red.png' });
    await shown.waitFor();
    await page.waitForFunction(`document.querySelector('img.picture')?.naturalWidth === 1`);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByText(/^3 objects, /).waitFor();
    expect((await contentOf(await downloadBy(page, 'Download: red.png'))).equals(redPoint())).toBe(true);
    const archive = await downloadBy(page, 'Download all');
    expect(archive.suggestedFilename()).toBe('dropped.zip');
    expect((await contentOf(archive)).includes(Buffer.from('table.csv'))).toBe(true);

    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Link: table.csv' }).click();
    await page.getByRole('button', { name: 'Copy the link' }).click();
    const link = await page.evaluate<string>('navigator.clipboard.readText()');
    const given = await fetch(link);
    expect([given.status, given.headers.get('content-disposition')]).toEqual([
      200,
      "attachment; filename*=UTF-8''table.csv",
    ]);
    await page.getByRole('button', { name: 'Close' }).click();

    await page.getByRole('button', { name: 'Delete: table.csv' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText(/^2 objects, /).waitFor();
    expect(await page.title()).toBe('Fornax');
  });

  it('go up in parts when they are large, with the folders that they lie in', async () => {
    const page = await signedIn(api);
    await open(page, '/buckets');
    await page.getByLabel('New bucket').fill('large-files');
    await page.getByRole('button', { name: 'Make it' }).click();
    const file = join(folder, 'large.bin');
    const content = Buffer.alloc(LARGE_BYTES, 'not all the same ');
    await writeFile(file, content);
    const parts: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PUT' && request.url().includes('partNumber=')) parts.push(request.url());
    });
    await drop(page, 'Files to upload', file);
    await page.getByText('is there').waitFor({ timeout: 60_000 });
    expect(parts).toHaveLength(3);
    const download = await downloadBy(page, 'Download: large.bin');
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(await download.path())) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('go on where they were broken: after the page was loaded again, and after the connection was lost', async () => {
    const page = await signedIn(api);
    const file = join(folder, 'broken.bin');
    const content = Buffer.alloc(LARGE_BYTES, 'each part of it is another ');
    await writeFile(file, content);
    page.on('dialog', (dialog) => void dialog.accept());
    const sent: (string | null)[] = [];
    const second = Promise.withResolvers<void>();
    /** The connection is one that lets only those parts through. */
    const through = new Set(['1']);
    await page.route(/partNumber=/, async (route) => {
      const number = new URL(route.request().url()).searchParams.get('partNumber');
      if (number === '2') second.resolve();
      if (number !== null && !through.has(number)) return route.abort();
      if (route.request().method() === 'PUT') sent.push(number);
      return route.continue();
    });
    await open(page, '/buckets/large-files');
    await drop(page, 'Files to upload', file);
    await second.promise;
    await page.reload();
    const unfinished = page.getByRole('group', { name: 'Unfinished uploads' });
    await unfinished.getByText(/^broken\.bin, 16\.8 MB of it came/).waitFor();
    // Nothing of another file goes into it.
    await page.getByLabel('File to go on with: broken.bin').setInputFiles(join(folder, 'large.bin'));
    await page.getByText('This is not the file that was on its way').waitFor();

    through.add('2');
    await drop(page, 'Files to upload', file);
    await page.getByRole('button', { name: 'Try again: broken.bin' }).waitFor();
    expect(sent).toEqual(['1', '2']);
    through.add('3');
    await page.getByRole('button', { name: 'Try again: broken.bin' }).click();
    await page.getByText('is there', { exact: true }).waitFor();
    expect(sent).toEqual(['1', '2', '3']);
    await unfinished.waitFor({ state: 'detached' });
    const download = await downloadBy(page, 'Download: broken.bin');
    expect((await contentOf(download)).equals(content)).toBe(true);
  });

  it('that were broken are given up, and take no room any more', async () => {
    const page = await signedIn(api);
    page.on('dialog', (dialog) => void dialog.accept());
    const first = Promise.withResolvers<void>();
    await page.route(/partNumber=/, (route) => {
      first.resolve();
      return route.abort();
    });
    await open(page, '/buckets/large-files?folder=given-up/');
    await drop(page, 'Files to upload', join(folder, 'large.bin'));
    await first.promise;
    await page.reload();
    await page.getByText('One upload did not come to its end').waitFor();
    expect(await violationsOn(page)).toEqual([]);
    await page.getByRole('button', { name: 'Give up: given-up/large.bin' }).click();
    await page.getByText('One upload did not come to its end').waitFor({ state: 'detached' });
  });

  it('are not said to be there already when only the answer to their own sending was lost', async () => {
    const page = await signedIn(api);
    let isLost = false;
    await page.route(/answered\.txt\?/, async (route) => {
      if (route.request().method() !== 'PUT' || isLost) return route.continue();
      isLost = true;
      await route.fetch();
      await route.abort();
    });
    await open(page, '/buckets/large-files');
    await drop(page, 'Files to upload', text('answered.txt', 'stored by the first try'));
    await page.getByText('is there', { exact: true }).waitFor();
    expect(isLost).toBe(true);
  });

  it('are not replaced by others of the same name before somebody says so, whether small or large', async () => {
    const page = await signedIn(api);
    await open(page, '/buckets/large-files');
    const [small, large] = [text('small.txt', 'one'), join(folder, 'large.bin')];
    await drop(page, 'Files to upload', small);
    await page.getByText('is there', { exact: true }).waitFor();
    await drop(page, 'Files to upload', [{ ...small, buffer: Buffer.from('two') }]);
    await page.getByText('there is one of this name already').waitFor();
    expect((await contentOf(await downloadBy(page, 'Download: small.txt'))).toString()).toBe('one');
    await page.getByRole('button', { name: 'Replace: small.txt' }).click();
    await page.getByText('is there', { exact: true }).waitFor();
    expect((await contentOf(await downloadBy(page, 'Download: small.txt'))).toString()).toBe('two');
    await drop(page, 'Files to upload', large);
    await page.getByRole('button', { name: 'Replace: large.bin' }).waitFor();
  });

  it('of a task with a folder for each instance are shown folder by folder', async () => {
    const id = await api.submitTask({
      name: 'a folder each',
      profile: 'docker-batch',
      instanceCount: 2,
      resultBucket: 'folders',
      resultsBucketPrefix: `runs/\${INSTANCE_ID}/`,
      constants: [{ key: 'DOCKER_CMD', value: 'touch made.txt' }],
    });
    await api.waitForTask(id);
    const page = await signedIn(api);
    await open(page, `/tasks/${id}?tab=files`);
    await page.getByRole('button', { name: '1/', exact: true }).click();
    await page.getByRole('button', { name: 'made.txt', exact: true }).waitFor();
  });

  it('go with a task, and come back as its results', async () => {
    const page = await signedIn(api);
    await open(page, '/submit');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Count words');
    await page.getByLabel('DOCKER_CMD').fill('sh -c "wc -w < words.txt > count.txt"');
    await drop(page, 'Files for the task', text('words.txt', 'one two three'));
    await page.getByText('words.txt, 13 B').waitFor();
    await page.getByRole('combobox', { name: 'Bucket for results' }).fill('word-counts');
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: 'Count words' }).waitFor();
    await page.getByText('Success', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Files' }).click();
    await page.getByRole('button', { name: 'count.txt', exact: true }).click();
    await page.getByRole('dialog').getByText('3', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('combobox', { name: 'Files of' }).click();
    await page.getByRole('option', { name: /^Input: count-words-/ }).click();
    await page.getByRole('button', { name: 'words.txt', exact: true }).waitFor();
  });

  it('of a task that was not submitted yet go on from its form, after the page was loaded again', async () => {
    const page = await signedIn(api);
    const second = Promise.withResolvers<void>();
    const sent: (string | null)[] = [];
    let isBroken = true;
    await page.route(/partNumber=/, async (route) => {
      const number = new URL(route.request().url()).searchParams.get('partNumber');
      if (isBroken && number === '2') second.resolve();
      if (isBroken && number !== '1') return route.abort();
      if (route.request().method() === 'PUT') sent.push(number);
      return route.continue();
    });
    const form = async (): Promise<void> => {
      await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Weigh it');
      await page.getByLabel('DOCKER_CMD').fill('sh -c "wc -c < large.bin"');
    };
    await open(page, '/submit');
    await form();
    await drop(page, 'Files for the task', join(folder, 'large.bin'));
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await second.promise;
    isBroken = false;
    await page.reload();
    await page.getByText(/^large\.bin, 16\.8 MB of it came/).waitFor();
    expect(await violationsOn(page)).toEqual([]);
    await form();
    await drop(page, 'Files for the task', join(folder, 'large.bin'));
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: 'Weigh it' }).waitFor({ timeout: 60_000 });
    expect(sent).toEqual(['1', '2', '3']);
    await page.getByText('Success', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Output' }).click();
    await page.getByText(String(LARGE_BYTES)).waitFor();
    // The next task begins with a bucket of its own.
    await open(page, '/submit');
    await page.getByRole('textbox', { name: 'Name', exact: true }).waitFor();
    expect(await page.getByText('What came of them before').count()).toBe(0);
  });

  it('of others are not shown, and an auditor has no button that changes them', async () => {
    const email = 'files-auditor@example.org';
    await api.people.createUser(email, {});
    const { token } = await api.people.createToken({ name: 'browser' }, email);
    const page = await signedIn(clientsOf({ ...platform, token }).api);
    await open(page, '/buckets/dropped');
    await page.getByText('There is no such thing, or none that you may see').waitFor();
    await api.people.changeUser(email, { role: 'auditor' });
    await open(page, '/buckets');
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
    await page.getByText('There are no buckets yet').waitFor();
    expect(await page.getByLabel('New bucket').count()).toBe(0);
  });

  it.each(['light', 'dark'] as const)('have nothing that axe-core finds (%s)', async (colorScheme) => {
    const page = await signedIn(api, { colorScheme });
    await open(page, '/buckets/dropped');
    await page.getByRole('table', { name: 'Files' }).waitFor();
    expect(await violationsOn(page)).toEqual([]);
    await page.getByRole('button', { name: NAME, exact: true }).click();
    await page.getByRole('dialog').getByText(RUNS).waitFor();
    // Fading in, it has other colors.
    await page.waitForFunction('document.getAnimations().length === 0');
    expect(await violationsOn(page)).toEqual([]);
  });

  it('ask nobody but the platform, and run nothing that its policy refuses', () => {
    expect(opened.length).toBeGreaterThan(3);
    expect(opened.flatMap(({ troubles }) => troubles)).toEqual([]);
  });
});
