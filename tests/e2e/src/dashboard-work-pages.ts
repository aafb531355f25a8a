import { expect } from '@jest/globals';
import { violationsOn } from './browser.js';
import type { Visit } from './dashboard-pages.js';

/** Attempts over time: as a drawing that is walked through with the keyboard, and as a table that says the same. */
export const visitAttempts = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  const id = await api.submitTask({
    name,
    profile: 'docker-batch',
    instanceCount: 4,
    retrySettings: { maxPerInstanceRetries: 1 },
    constants: [{ key: 'DOCKER_CMD', value: `sh -c 'test $INSTANCE_ID -ne 2'` }],
  });
  await api.waitForTask(id);
  await open(`/tasks/${id}?tab=attempts`);
  await page.getByRole('img', { name: '5 attempts on 1 node', exact: false }).waitFor();
  const rows = page.getByRole('group', { name: 'Attempts over time', exact: false });
  await rows.focus();
  for (const _ of [0, 1, 2]) await page.keyboard.press('ArrowDown');
  await page.getByText(/^Instance 2, attempt 1 on .*; Instance 2, attempt 2 on .*failure/).waitFor();
  await page.getByRole('combobox', { name: 'A row for each' }).click();
  await page.getByRole('option', { name: 'Node' }).click();
  await page.waitForURL(/lanes=node/);
  await page.getByText('ran, and failed').waitFor();
  expect(await violationsOn(page)).toEqual([]);
  await page.getByText('Table', { exact: true }).click();
  const table = page.getByRole('table', { name: 'Attempts' });
  await table.getByRole('row').nth(5).waitFor();
  expect(await table.getByText('failure', { exact: false }).count()).toBe(2);
  expect(await violationsOn(page)).toEqual([]);
  for await (const { sequence } of api.history.events(id)) {
    await open(`/tasks/${id}?tab=attempts&asOf=${sequence}`);
    await page.getByText('No instance has been sent to a node yet').waitFor();
    break;
  }
};

const MANY = 10_000;
const AT_ONCE = 200;
const MINUTE_MS = 60_000;

/** What happened to so many attempts, a part of them each minute: nobody waits for as many to run. */
const manyChanges = (): object => {
  const begun = Date.parse('2026-11-29T06:00:00Z');
  const unknown = { outcome: null, cause: null, exitCode: null, startedAt: null, endedAt: null, attempt: 1 };
  const changes = Array.from({ length: MANY / AT_ONCE }, (_, part) => {
    const at = (seconds: number): string => new Date(begun + part * MINUTE_MS + seconds * 1_000).toISOString();
    const all = Array.from({ length: AT_ONCE }, (_one, place) => ({
      ...{ ...unknown, leaseId: `${part}-${place}`, instance: part * AT_ONCE + place, node: `node-${place % 20}` },
    }));
    const ends = { startedAt: at(2), endedAt: at(50), outcome: 'success', exitCode: 0 };
    return [
      { kind: 'dispatched', at: at(0), attempts: all },
      { kind: 'started', at: at(2), attempts: all.map((one) => ({ ...one, startedAt: at(2) })) },
      { kind: 'ended', at: at(55), attempts: all.map((one) => ({ ...one, ...ends })) },
    ];
  });
  return {
    changes: changes.flat().map((one, place) => ({ sequence: place + 1, instances: null, ...one })),
    next: null,
  };
};

/** When the drawing is painted after its tab was chosen, in milliseconds. */
const DRAWN = `new Promise((done) => {
  const from = performance.now();
  [...document.querySelectorAll('[role=tab]')].find((one) => one.textContent === 'Attempts').click();
  const look = () => {
    const drawing = document.querySelector('canvas.gantt-canvas');
    const { width = 0, height = 0 } = drawing ?? {};
    if (width > 1 && drawing.getContext('2d').getImageData(0, 0, width, height).data.some((one) => one > 0)) done(performance.now() - from);
    else requestAnimationFrame(look);
  };
  look();
})`;

/** How long frames take while the drawing is scrolled, the middle and the worst one, in milliseconds. */
const SCROLLED = `new Promise((done) => {
  const place = document.querySelector('.gantt');
  const frames = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    place.scrollTop += 900;
    if (frames.length < 60) return requestAnimationFrame(step);
    frames.sort((one, other) => one - other);
    done([frames[30], frames[59]]);
  };
  requestAnimationFrame(step);
})`;

/** 10,000 attempts are drawn and scrolled through. @returns milliseconds to the first paint, of a frame, and of the longest frame */
export const visitManyAttempts = async ({ page, api, open }: Visit, name: string): Promise<readonly number[]> => {
  const constants = [{ key: 'DOCKER_CMD', value: 'true' }];
  const id = await api.submitTask({ name, profile: 'docker-batch', instanceCount: 1, constants });
  await api.waitForTask(id);
  await page.route(new RegExp(`/tasks/${id}/attempts`), (route) => route.fulfill({ json: manyChanges() }));
  await open(`/tasks/${id}?tab=attempts`);
  await page.getByRole('img', { name: '10,000 attempts on 20 nodes', exact: false }).waitFor();
  // What was read is there: the time is that of the page, not that of the way through the debugger.
  await page.getByRole('tab', { name: 'History' }).click();
  await page.locator('canvas.gantt-canvas').waitFor({ state: 'detached' });
  const painted = await page.evaluate<number>(DRAWN);
  return [painted, ...(await page.evaluate<readonly number[]>(SCROLLED))];
};

/** Conditions are put together, stand in the address, and are kept as a view, whose name is text. */
export const visitViews = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  const constants = [{ key: 'DOCKER_CMD', value: 'true' }];
  const of = (instanceCount: number) =>
    api.submitTask({
      name: `${name} ${instanceCount}`,
      profile: 'docker-batch',
      instanceCount,
      tags: ['viewed'],
      constants,
    });
  await Promise.all([1, 3].map(of));
  await open('/tasks');
  await page.getByRole('button', { name: 'More conditions' }).click();
  await page.getByRole('button', { name: 'Add a condition' }).click();
  await page.getByRole('combobox', { name: 'Field' }).click();
  await page.getByRole('option', { name: 'Tags' }).click();
  await page.getByLabel('Tags: value').fill('viewed');
  await page.getByText('2 tasks', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Add a condition' }).click();
  await page.getByRole('combobox', { name: 'Field' }).nth(1).click();
  await page.getByRole('option', { name: 'Instances', exact: true }).click();
  await page.getByLabel('Instances: value').fill('2');
  await page.getByText('1 task', { exact: true }).waitFor();
  await page.getByRole('link', { name: `${name} 3`, exact: true }).waitFor();
  expect(await violationsOn(page)).toEqual([]);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('checkbox', { name: 'Profile' }).check();
  await page.getByRole('checkbox', { name: 'Lasts' }).uncheck();
  await page.waitForURL(/columns=state%2Cinstances%2Cprofile%2Csubmitted/);
  expect(await violationsOn(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('cell', { name: 'docker-batch' }).waitFor();
  expect(await page.getByRole('columnheader', { name: 'Lasts' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: 'Save this view' }).click();
  await page.getByLabel('Name of the view').fill(name);
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
  await open('/tasks');
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name, exact: true }).click();
  await page.getByText('1 task', { exact: true }).waitFor();
  expect(await page.getByLabel('Instances: value').inputValue()).toBe('2');
  await page.getByRole('button', { name: `View: ${name}` }).click();
  await page.getByRole('menuitem', { name: `Forget ${name}` }).click();
  await page.getByRole('button', { name: 'Views', exact: true }).waitFor();
};

/** The form says how many nodes fit, and what a task would cost; what is asked for is in its code. */
export const visitSubmit = async ({ page, open }: Visit): Promise<void> => {
  await open('/submit');
  const fit = page.getByRole('status', { name: 'Nodes that fit' });
  await fit.getByText('1 of 1 node fits, 1 of them takes work now').waitFor();
  await page.getByRole('button', { name: 'Add a constraint' }).click();
  const cores = page.getByLabel('At least so many cores: value');
  await cores.fill('100000');
  await fit.getByText('0 of 1 node fit: it would wait', { exact: false }).waitFor();
  await page.getByText('"coreCount": 100000', { exact: false }).waitFor();
  await page.getByText('MinimumCoreHardware(100000)', { exact: false }).waitFor();
  await cores.fill('1');
  await fit.getByText('1 of 1 node fits', { exact: false }).waitFor();
  await page.getByLabel('Minutes that an instance takes').fill('60');
  const price = page.getByRole('group', { name: 'What it would cost' });
  await price.getByText(/ €, by hardware\/flex\/.* of price list \d+, without discounts/).waitFor();
  await page.getByRole('button', { name: 'Remove: At least so many cores' }).click();
  await price.getByText(/ €, by work\/flex of price list \d+/).waitFor();
  expect(await violationsOn(page)).toEqual([]);
};
