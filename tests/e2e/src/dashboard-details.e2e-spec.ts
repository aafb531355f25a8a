import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, signedInPages, violationsOn } from './browser.js';
import { clientsOf, untilAllPrint } from './clients.js';

const TELEPHONE = { viewport: { width: 390, height: 844 } };

let platform: RunningPlatform;
let api: FornaxClient;
let browser: Browser;
let owner: FornaxClient;
let task: string;

const suite = hasBrowser() ? describe : describe.skip;
const { signedIn, opened } = signedInPages(() => [browser, platform]);
const open = async (page: Page, path: string): Promise<void> => {
  await page.goto(`${platform.apiUrl}/ui${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByLabel('Loading', { exact: true }).first().waitFor({ state: 'hidden' });
};
const newUser = async (email: string): Promise<FornaxClient> => {
  await api.people.createUser(email, { organization: 'Acme' });
  const { token } = await api.people.createToken({ name: 'browser' }, email);
  return clientsOf({ ...platform, token }).api;
};

beforeAll(async () => {
  platform = await startPlatform();
  ({ api } = clientsOf(platform));
  await api.people.createOrganization('Acme');
  owner = await newUser('grace@acme.example');
  const constants = [{ key: 'DOCKER_CMD', value: 'echo turned' }];
  task = await owner.submitTask({ name: 'rotor', profile: 'docker-batch', instanceCount: 1, constants });
  await untilAllPrint(owner, task, 1, 'turned');
});
afterAll(() => platform?.stop());

suite('the dashboard, in what it says', () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('names who did something by what the reader may know, and says moments on one line on a telephone', async () => {
    const page = await signedIn(owner, TELEPHONE);
    await open(page, `/tasks/${task}?tab=history`);
    const events = page.getByRole('table', { name: 'Events' });
    await events.getByRole('cell', { name: 'grace@acme.example', exact: true }).first().waitFor();
    await events.getByRole('cell', { name: 'the scheduler', exact: true }).first().waitFor();
    const lines = await events
      .locator('time')
      .first()
      .evaluate((one) => one.getClientRects().length);
    expect(lines).toBe(1);
    expect(await violationsOn(page)).toEqual([]);
    // An operator is told by its id to the owner, and the owner by the e-mail to the operator.
    await api.abortTask(task).catch(() => undefined);
    const seen = await signedIn(api);
    await open(seen, `/tasks/${task}?tab=history`);
    await seen.getByRole('cell', { name: 'grace@acme.example', exact: true }).first().waitFor();
  });

  it('says that rights could not be read, with a way to try again, where its buttons would be', async () => {
    const page = await signedIn(owner);
    await page.route('**/rights', (route) => route.fulfill({ status: 400, json: { message: 'not this time' } }));
    await page.goto(`${platform.apiUrl}/ui/tasks/${task}`);
    await page.getByText('Whose it is, and what you may do with it, could not be read').waitFor();
    expect(await page.getByRole('button', { name: 'Clone' }).count()).toBe(0);
    expect(await violationsOn(page)).toEqual([]);
    await page.unroute('**/rights');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Clone' }).waitFor();
    expect(await page.getByText('could not be read').count()).toBe(0);
  });

  it('keeps one column of the list, and says so', async () => {
    const page = await signedIn(owner);
    await open(page, '/tasks?columns=state,profile');
    await page.getByRole('button', { name: 'Columns' }).click();
    await page.getByRole('checkbox', { name: 'State' }).uncheck();
    const last = page.getByRole('checkbox', { name: 'Profile' });
    await page.getByText('One of them stays').waitFor();
    expect([await last.isChecked(), await last.isDisabled()]).toEqual([true, true]);
    expect(new URL(page.url()).searchParams.get('columns')).toBe('profile');
    expect(await violationsOn(page)).toEqual([]);
    await page.getByRole('checkbox', { name: 'Lasts' }).check();
    expect(await last.isDisabled()).toBe(false);
  });

  it('says in the form that a chosen bucket was deleted, and lets another be chosen', async () => {
    const { token } = await api.people.createToken({ name: 'files' }, 'grace@acme.example');
    const { s3 } = clientsOf({ ...platform, token, clientEnv: { AWS_ACCESS_KEY_ID: 'grace@acme.example' } });
    for (const bucket of ['blades', 'rotors']) await s3.createBucket(bucket);
    const page = await signedIn(owner);
    await open(page, '/submit');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('turn');
    const inputs = page.getByRole('combobox', { name: 'Buckets with inputs' });
    await inputs.click();
    await page.getByRole('option', { name: 'blades' }).click();
    await page.keyboard.press('Escape');
    await s3.deleteBucket('blades');
    await page.getByText('blades: deleted meanwhile', { exact: false }).waitFor();
    expect(await page.getByRole('button', { name: 'Submit', exact: true }).isDisabled()).toBe(true);
    expect(await violationsOn(page)).toEqual([]);
    await inputs.press('Backspace');
    await inputs.click();
    await page.getByRole('option', { name: 'rotors' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: 'turn' }).waitFor();
  });

  it('tells projects of one name apart by whose they are, and counts one thing as one', async () => {
    const constants = [{ key: 'DOCKER_CMD', value: 'echo own' }];
    const own = await api.submitTask({ name: 'own', profile: 'docker-batch', instanceCount: 1, constants });
    await untilAllPrint(api, own, 1, 'own');
    const page = await signedIn(api);
    await open(page, '/billing');
    const spend = page.getByRole('table', { name: 'Spend' });
    await spend.getByRole('button', { name: 'Default', exact: true }).waitFor({ timeout: 60_000 });
    await spend.getByRole('button', { name: 'Default of grace@acme.example', exact: true }).click();
    await page.getByRole('button', { name: 'Only project Default of grace@acme.example: show all' }).waitFor();
    await open(page, `/tasks/${own}?tab=instances`);
    await page.getByRole('img', { name: /^Map of 1 instance by / }).waitFor();
  });

  it('shows nothing that its policy refuses', () => {
    expect(opened.flatMap(({ troubles }) => troubles)).toEqual([]);
  });
});
