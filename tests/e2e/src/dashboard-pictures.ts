import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FornaxClient } from '@fornax/client';
import { eventually } from '@fornax/testing';
import type { Page, Request } from 'playwright-core';

/** Where pictures of the pages for the guide are written (`tools/dashboard-pictures.mjs`); without it none are taken. */
export const PICTURES = process.env['FORNAX_PICTURES'];

const QUALITY = 60;
export const MOST_BYTES = 60_000;

/** What never ends by itself: streams of events and of output. */
const isStream = (request: Request): boolean => /\/(?:events\?snapshot|std(?:out|err)\/tail)/.test(request.url());

/** Knows whether a page waits for an answer. */
const answersOf = (page: Page): (() => boolean) => {
  const open = new Set<Request>();
  page.on('request', (request) => {
    if (!isStream(request)) open.add(request);
  });
  page.on('requestfinished', (request) => open.delete(request));
  page.on('requestfailed', (request) => open.delete(request));
  return () => open.size === 0;
};

/** Tasks, a job, a pool and what else the pages have something of. */
export const makeSamples = async (api: FornaxClient): Promise<Readonly<Record<'frames' | 'job' | 'pool', string>>> => {
  const task = (name: string, command: string, more: object = {}): Promise<string> =>
    api.submitTask({
      name,
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: command }],
      ...more,
    });
  const [project] = (await api.people.me()).projects;
  await api.billing.createBudget({ project: project?.uuid, amount: '500', alias: 'Renderings of November' });
  await api.secrets.create('registry/password', 'a sample');
  await api.secrets.create('database/url', 'a sample');
  await api.people.createUser('grace@example.org', {});
  const frames = await task(
    'Render 48 frames',
    `sh -c 'sleep 0.$((INSTANCE_ID % 7 + 1)); test $((INSTANCE_ID % 11)) -gt 0'`,
    {
      instanceCount: 48,
      tags: ['film'],
      retrySettings: { maxPerInstanceRetries: 1 },
    },
  );
  const job = await api.jobs.submit({
    name: 'Weekly report',
    tasks: [
      { name: 'collect', command: 'sleep 1' },
      { name: 'clean', command: 'sleep 1', after: ['collect'] },
      { name: 'count', command: 'sleep 1', after: ['clean'] },
      { name: 'draw', command: 'sleep 2', after: ['clean'] },
      { name: 'publish', command: 'true', after: ['count', 'draw'] },
    ],
  });
  const elasticProperty = { isElastic: true, minTotalSlots: 1, maxTotalSlots: 2 };
  const pool = await api.pools.create({ name: 'Quick answers', profile: 'docker-batch', elasticProperty });
  await api.waitForTask(frames);
  await task('Train the model', 'true', {
    hardwareConstraints: [{ discriminator: 'GpuHardwareConstraint' }],
    tags: ['models'],
  });
  await task('Simulate the bridge', 'sleep 600', { tags: ['bridge'] });
  return { frames, job, pool };
};

/** Pages by the names of their pictures. */
const pagesWith = (task: string, { frames, job, pool }: Awaited<ReturnType<typeof makeSamples>>) =>
  ({
    overview: '/overview',
    tasks: '/tasks',
    'task-about': `/tasks/${frames}`,
    'task-instances': `/tasks/${frames}?tab=instances&color=wall%20time`,
    'task-attempts': `/tasks/${frames}?tab=attempts`,
    'task-output': `/tasks/${task}?tab=output`,
    'task-files': `/tasks/${task}?tab=files`,
    'task-history': `/tasks/${task}?tab=history`,
    'task-bill': `/tasks/${task}?tab=bill`,
    'task-code': `/tasks/${task}?tab=code`,
    submit: '/submit',
    'submit-hardware': '/submit',
    nodes: '/nodes',
    buckets: '/buckets',
    bucket: '/buckets/my-pictures',
    jobs: '/jobs',
    job: `/jobs/${job}`,
    pools: '/pools',
    pool: `/pools/${pool}?tab=scaling`,
    'billing-spend': '/billing?by=task',
    'billing-budgets': '/billing?tab=budgets',
    'billing-prices': '/billing?tab=prices',
    secrets: '/secrets?folder=registry&key=registry%2Fpassword',
    webhooks: '/webhooks',
    people: '/people',
    'people-users': '/people?tab=users',
    platform: '/platform',
    'platform-projections': '/platform?tab=projections',
    'platform-log': '/platform?tab=log',
    'platform-scheduling': '/platform?tab=scheduling',
  }) as const;

/** What is done on some pages before their picture is taken. */
const BEFORE: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  'task-output': (page) => page.getByText('that is all', { exact: false }).waitFor(),
  'billing-spend': (page) => page.getByRole('link', { name: 'My first task' }).waitFor(),
  'submit-hardware': async (page) => {
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Render 48 frames');
    await page.getByLabel('Instances').fill('48');
    await page.getByRole('button', { name: 'Add a constraint' }).click();
    await page.getByLabel('At least so many cores: value').fill('2');
    await page.getByLabel('Minutes that an instance takes').fill('20');
    await page.getByText('for each instance', { exact: false }).waitFor();
    // The constraints and the estimate are what this picture is of: they stand above the rest.
    await page.getByLabel('At least so many cores: value').evaluate((one) => one.scrollIntoView({ block: 'center' }));
  },
};

/** Takes a picture of each page, small enough for a repository. @returns the bytes of each */
export const takePictures = async (
  page: Page,
  base: string,
  folder: string,
  [task, samples]: readonly [task: string, samples: Awaited<ReturnType<typeof makeSamples>>],
): Promise<Readonly<Record<string, number>>> => {
  const isAnswered = answersOf(page);
  const browser = await page.context().newCDPSession(page);
  const sizes: Record<string, number> = {};
  for (const [name, path] of Object.entries(pagesWith(task, samples))) {
    await page.goto(`${base}/ui${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    // What is asked for by what came is asked for in the same turn.
    await eventually(async () => isAnswered() && (await page.getByLabel('Loading', { exact: true }).count()) === 0);
    await BEFORE[name]?.(page);
    await page.waitForFunction('document.getAnimations().length === 0');
    const { data } = await browser.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
    const picture = Buffer.from(data, 'base64');
    sizes[name] = picture.length;
    await writeFile(join(folder, `${name}.webp`), picture);
  }
  return sizes;
};
