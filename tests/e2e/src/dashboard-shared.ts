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
}

const OWNER = 'owner@acme.example';

/** What somebody is offered on a page, as far as it is in this list. */
const offered = async (page: Page, names: readonly string[]): Promise<readonly string[]> => {
  const counts = await Promise.all(names.map((name) => page.getByRole('button', { name, exact: true }).count()));
  return names.filter((_, at) => counts[at] !== 0);
};

/** A task, a job and a pool of one member of a project, on the pages of two others: one looks, one looks after them. */
export const visitShared = async ({ api, owner, viewer, maintainer }: Shared): Promise<void> => {
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
  await maintainer.page.getByRole('button', { name: 'Delete', exact: true }).click();
  await maintainer.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).last().click();
  await maintainer.page.getByRole('heading', { name: 'Pools' }).waitFor();
  await owner.abortTask(task);
};
