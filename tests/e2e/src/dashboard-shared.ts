import { expect } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import type { Page } from 'playwright-core';
import { violationsOn } from './browser.js';
import type { Visit } from './dashboard-pages.js';

type Member = Omit<Visit, 'api'>;

interface Shared {
  readonly api: FornaxClient;
  readonly owner: FornaxClient;
  readonly viewer: Member;
  readonly maintainer: Member;
  readonly auditor: Member;
  /** Every page, with that of a task. */
  readonly pagesWith: (task: string) => readonly string[];
}

const OWNER = 'owner@acme.example';

/** What changes only what is shown, by its name. */
const READS =
  /^(State|Name( begins with)?|Tag|Project|Whose|Order|More conditions|Views|Columns|Copy .*|Graph|Table|Zoom (In|Out)|Fit View|From|Through|This month|Last month|90 days|Divided by|Turbine|Members of Turbine|The moment that is shown|Colored by|Chosen|Output( of instance \d+)?|Chart|A row for each|Errors|Instance|Lines with|Follow|Download.*|Files of|Show the task as of .*|All (states|projects))$/;

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
export const visitShared = async ({ api, owner, viewer, maintainer, auditor, pagesWith }: Shared): Promise<void> => {
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
