import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { STREAMS } from '@fornax/contracts';
import { createTestDatabase, damageStore, eventually, startTestNats } from '@fornax/testing';
import { appendAccount } from '../commit-rows.fixture.js';
import { serviceDatabase } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';
import { AccountDirectory } from '@fornax/identity';

const SLOW_MS = 120_000;
const OPERATOR = 'an-operator-token';
const BOOTSTRAP = 'the-token-of-the-settings';

@Module({ imports: [serviceDatabase('kit-lost-accounts', [])] })
class LostAccountsTestModule {}

let nats: Awaited<ReturnType<typeof startTestNats>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: TestApp;

const start = async (): Promise<void> => {
  service = await createTestApp(LostAccountsTestModule, {
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_BOOTSTRAP_TOKEN: BOOTSTRAP,
    },
  });
};
const call = async (method: 'GET' | 'POST', path: string, token: string) => {
  const response = await fetch(service.url + path, { method, headers: { authorization: token } });
  return { status: response.status, body: await response.json() };
};
const verify = (token: string) => call('GET', '/fornax/v1/log/verify', token);

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  await start();
  const sequence = await appendAccount(service, { email: 'operator@example.com', role: 'operator', token: OPERATOR });
  await service.app.get(AccountDirectory).knows(sequence, 60_000);
}, SLOW_MS);

afterAll(async () => {
  await service.close();
  await Promise.all([nats.stop(), database.drop()]);
});

it(
  'lets the token of the settings decide about a damaged log that has lost the accounts, and only until then',
  async () => {
    expect(await verify(OPERATOR)).toMatchObject({ status: 200 });
    expect(await verify(BOOTSTRAP)).toMatchObject({ status: 401 });
    await service.close();
    await nats.stop();
    await damageStore(nats.dataDir, STREAMS.events).truncateBefore('fx.ev.account.');
    await nats.start();
    await start();

    expect(await verify(OPERATOR)).toMatchObject({ status: 401 });
    const { status, body } = await call('GET', '/health/ready', BOOTSTRAP);
    const [, gap = ''] = /quarantine drop (gap-\d+-\d+)/.exec(JSON.stringify(body)) ?? [];
    expect({ status, gap }).toMatchObject({ status: 503, gap: expect.stringMatching(/^gap-/) });
    expect(await verify(BOOTSTRAP)).toMatchObject({ body: { damage: [{ id: gap, isGivenUp: false }] } });
    expect(await call('GET', `/fornax/v1/log/quarantine/${gap}`, BOOTSTRAP)).toMatchObject({ status: 200 });
    expect(await call('POST', `/fornax/v1/log/quarantine/${gap}/drop`, BOOTSTRAP)).toMatchObject({
      body: { state: 'dropped', decision: { by: 'the token of the settings' } },
    });
    await eventually(async () => (await verify(BOOTSTRAP)).status === 401);
  },
  SLOW_MS,
);
