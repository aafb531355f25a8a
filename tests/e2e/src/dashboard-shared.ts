import { readFile } from 'node:fs/promises';
import { expect } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import type { Page } from 'playwright-core';
import { violationsOn } from './browser.js';
import { untilAllPrint } from './clients.js';
import type { Visit } from './dashboard-pages.js';

type Member = Omit<Visit, 'api'>;

interface Shared {
  readonly api: FornaxClient;
  readonly owner: FornaxClient;
  /** The storage, as the owner. */
  readonly files: S3Client;
  readonly viewer: Member;
  readonly maintainer: Member;
  readonly auditor: Member;
  /** Every page, with that of a task. */
  readonly pagesWith: (task: string) => readonly string[];
}

export const OWNER = 'owner@acme.example';

/** What changes only what is shown, by its name. */
const READS =
  /^(State|Name( begins with)?|Tag|Project|Whose|Order|More conditions|Views|Columns|Copy .*|Graph|Table|Zoom (In|Out)|Fit View|From|Through|This month|Last month|90 days|Divided by|Turbine( of Acme)?|Default|Members of Turbine|The moment that is shown|Colored by|Chosen|Output( of instance \d+)?|Chart|A row for each|Errors|Instance|Lines with|Go to line|Follow|Download.*|[\w-]+\.(txt|csv)|own(-rotor)?-results|in\/|Files of|Show the task as of .*|All (states|projects))$/;

/** Names of what can be pressed, typed into or chosen on a page, but for its tabs. */
const CONTROLS = `[...document.querySelectorAll('main button:not([role=tab]), main input:not([type=hidden]), main textarea, main select, main [role=slider], main [role=switch]')]
  .filter((one) => one.offsetParent !== null)
  .map((one) => (one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.textContent).trim())`;

/** Every page, as somebody who only reads: nothing there writes, and nothing is written. */
const visitReading = async ({ page, open }: Member, paths: readonly string[]): Promise<void> => {
  const written: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (request.method() !== 'GET' && !/\/(paginate|search)$/.test(pathname))
      written.push(`${request.method()} ${pathname}`);
  });
  const others: Record<string, readonly string[]> = {};
  for (const path of paths) {
    await open(path);
    const names = (await page.evaluate<string[]>(CONTROLS)).filter((name) => !READS.test(name));
    if (names.length > 0) others[path] = names;
  }
  expect(others).toEqual({});
  expect(written).toEqual([]);
};

/** What somebody is offered on a page, as far as it is in this list. */
const offered = async (page: Page, names: readonly string[]): Promise<readonly string[]> => {
  const counts = await Promise.all(names.map((name) => page.getByRole('button', { name, exact: true }).count()));
  return names.filter((_, at) => counts[at] !== 0);
};

/** A task, a job and a pool of one member of a project, on the pages of two others: one looks, one looks after them. */
export const visitShared = async (given: Shared): Promise<void> => {
  const { api, owner, viewer, maintainer, auditor, pagesWith } = given;
  const { uuid: project } = await api.people.createProject({ name: 'Turbine' }, { organization: 'Acme' });
  for (const role of ['viewer', 'maintainer'] as const)
    await api.people.setProjectMember(project, `${role}@acme.example`, role);
  await api.people.setProjectMember(project, OWNER, 'member');
  const constants = [{ key: 'DOCKER_CMD', value: 'sleep 600' }];
  const shared = { profile: 'docker-batch', projectUuid: project };
  const job = await owner.jobs.submit({ name: 'blades', project, tasks: [{ name: 'blade', command: 'sleep 600' }] });
  const pool = await owner.pools.create({ name: 'warm', ...shared, instanceCount: 1 });
  const task = await owner.submitTask({ name: 'rotor', ...shared, instanceCount: 1, constants });

  await viewer.open('/tasks');
  await viewer.page.getByText('You have no tasks yet').waitFor();
  expect(await violationsOn(viewer.page)).toEqual([]);
  await viewer.page.getByRole('link', { name: 'Turbine' }).click();
  await viewer.page.getByRole('link', { name: 'rotor' }).waitFor();

  const may = {
    [`/tasks/${task}`]: ['Abort', 'Delete'],
    [`/jobs/${job}`]: ['End'],
    [`/pools/${pool}`]: ['Close', 'Delete'],
  };
  for (const [path, names] of Object.entries(may))
    for (const [{ page, open }, expected] of [
      [viewer, []],
      [maintainer, names],
    ] as const) {
      const rights = page.waitForResponse((response) => response.url().endsWith('/rights'));
      await open(path);
      await rights;
      await page.getByText(`of ${OWNER}`, { exact: false }).waitFor();
      expect([path, await offered(page, names)]).toEqual([path, expected]);
    }
  await visitReading(auditor, [...pagesWith(task), `/jobs/${job}`, `/pools/${pool}`, `/pools/${pool}?tab=scaling`]);
  await maintainer.page.getByRole('button', { name: 'Delete', exact: true }).click();
  await maintainer.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).last().click();
  await maintainer.page.getByRole('heading', { name: 'Pools' }).waitFor();
  await owner.abortTask(task);
};

const downloadBy = async (page: Page, name: string): Promise<Buffer> => {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name, exact: true }).click();
  return readFile(await (await download).path());
};

/** The bucket of a colleague on the page of who reads as that one: folders, a preview, downloads, and nothing that hands on or writes. */
const lookIntoBucket = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'in/', exact: true }).click();
  await page.getByRole('button', { name: 'figures.csv', exact: true }).click();
  await page.getByRole('cell', { name: '12', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'own-results', exact: true }).click();
  expect(String(await downloadBy(page, 'Download: notes.txt'))).toBe('for nobody else');
  expect((await downloadBy(page, 'Download all')).includes('in/figures.csv')).toBe(true);
  expect(await page.getByRole('button', { name: /^(Link|Delete)/ }).count()).toBe(0);
  expect(await page.getByLabel('Files to upload').count()).toBe(0);
  expect(await violationsOn(page)).toEqual([]);
};

/** What a colleague has outside of shared projects, as an auditor who chooses to see what that one sees; and somebody of another organization. */
export const visitAs = async ({ owner, files, auditor, pagesWith }: Shared, stranger: string): Promise<void> => {
  const of = { profile: 'docker-batch', instanceCount: 1 };
  const constants = [{ key: 'DOCKER_CMD', value: `sh -c 'echo as it turned > turned.txt; echo turned'` }];
  const task = await owner.submitTask({ name: 'own rotor', ...of, resultBucket: 'own-rotor-results', constants });
  // Before the pool takes the place on the node that it needs.
  await untilAllPrint(owner, task, 1, 'turned');
  const job = await owner.jobs.submit({ name: 'own blades', tasks: [{ name: 'blade', command: 'echo cut' }] });
  const pool = await owner.pools.create({ name: 'own warm', ...of });
  await files.createBucket('own-results');
  await files.putObject('own-results', 'in/figures.csv', 'blade,angle\nfirst,12\n');
  await files.putObject('own-results', 'notes.txt', 'for nobody else');
  const { page, open } = auditor;
  const bar = page.getByRole('region', { name: 'Whose view this is' });

  await open('/tasks');
  await page.getByText('You have no tasks yet').waitFor();
  await open('/people?tab=users');
  await page.getByRole('link', { name: `See what they see: ${OWNER}` }).click();
  await page.getByRole('link', { name: 'own rotor' }).waitFor();
  await bar.getByText(`This is what ${OWNER} sees. You only read here.`).waitFor();
  // The menu is still of who is signed in.
  await page.getByRole('button', { name: 'auditor@acme.example' }).waitFor();
  expect(await violationsOn(page)).toEqual([]);
  for (const [list, name] of [
    ['Jobs', 'own blades'],
    ['Pools', 'own warm'],
    ['Buckets', 'own-results'],
    ['Tasks', 'own rotor'],
  ] as const) {
    await page.getByRole('navigation').getByRole('link', { name: list, exact: true }).click();
    await page.getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await bar.waitFor();
    expect(new URL(page.url()).searchParams.get('as')).toBe(OWNER);
    if (list === 'Buckets') await lookIntoBucket(page);
  }
  await page.getByRole('tab', { name: 'Output' }).click();
  await page.getByRole('log', { name: 'Output' }).getByText('turned').waitFor();
  expect(String(await downloadBy(page, 'Download'))).toContain('turned');
  await page.getByRole('tab', { name: 'Files' }).click();
  await page.getByRole('button', { name: 'turned.txt', exact: true }).click();
  await page.getByRole('dialog').getByText('as it turned').waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  const as = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}as=${OWNER}`;
  const paths = [
    ...pagesWith(task),
    `/jobs/${job}`,
    `/pools/${pool}`,
    `/pools/${pool}?tab=scaling`,
    '/buckets/own-results',
  ];
  await visitReading(auditor, paths.map(as));

  await bar.getByRole('link', { name: 'Back to my own' }).click();
  await page.getByRole('heading', { name: 'People and quotas' }).waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Tasks', exact: true }).click();
  await page.getByText('You have no tasks yet').waitFor();
  expect([await bar.count(), page.url().includes('as=')]).toEqual([0, false]);
  await open(`/tasks?as=${stranger}`);
  await page.getByText('This token may not read for that account').waitFor();
  expect(await page.getByText('own rotor').count()).toBe(0);
  await page.getByRole('link', { name: 'Back to my own' }).waitFor();
  await owner.pools.delete(pool);
};
