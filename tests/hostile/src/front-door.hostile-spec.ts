import { randomUUID } from 'node:crypto';
import { eventually, openWire, requestHead, type Wire } from '@fornax/testing';
import { startPlatform } from '@fornax/testing/platform';
import { afterEach, describe, expect, it } from '@jest/globals';
import { call } from './call.js';
import { platform } from './platform.js';

const MEGABYTE = 1024 * 1024;
const doors = [
  ['API', platform.apiUrl],
  ['S3', platform.storageUrl],
] as const;

const wires: Wire[] = [];
const wire = async (url: string): Promise<Wire> => {
  const made = await openWire(url);
  wires.push(made);
  return made;
};
const many = (count: number, url: string): Promise<readonly Wire[]> =>
  Promise.all(Array.from({ length: count }, () => wire(url)));
afterEach(() => {
  for (const { socket } of wires.splice(0)) socket.destroy();
});

/** How long the platform takes to say that it lives. */
const liveAfterMs = async (): Promise<number> => {
  const startedAt = performance.now();
  expect((await call('GET', '/health/live')).status).toBe(200);
  return performance.now() - startedAt;
};

describe('the front door', () => {
  it('answers forty megabytes of brackets before it has read them, and lives', async () => {
    const bombers = await many(40, platform.apiUrl);
    for (const bomber of bombers)
      bomber.send(requestHead('POST', '/tasks', { 'content-length': MEGABYTE, 'content-type': 'application/json' }));
    // Nothing of a body was sent, and nobody waits for one.
    for (const bomber of bombers) expect(await bomber.until(/\}\s*$/)).toMatch(/^HTTP\/1.1 401 /);
    const bomb = Buffer.alloc(MEGABYTE, '[');
    for (const bomber of bombers) bomber.send(bomb);
    expect(await liveAfterMs()).toBeLessThan(5_000);
  });

  it('refuses the same bombs of a user, each before it is parsed', async () => {
    const bomb = '['.repeat(MEGABYTE - 1);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${platform.apiUrl}/tasks`, { method: 'POST', body: bomb, headers: { authorization: platform.token } }),
      ),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual({ message: 'The request body is nested deeper than 80 levels' });
    }
    const { status } = await call('POST', '/tasks', {
      token: platform.token,
      headers: { 'content-encoding': 'gzip' },
      body: {},
    });
    expect(status).toBe(415);
  });

  it.each(doors)(
    'closes connections of the %s that say nothing, and headers and bodies that never end',
    async (_, url) => {
      const idle = await many(500, url);
      const [headers, bodies] = [await many(50, url), await many(50, url)];
      for (const one of headers) one.send('POST /x HTTP/1.1\r\nhost: x\r\nx-unfinished: ');
      for (const one of bodies)
        one.send(requestHead('POST', '/tasks', { authorization: platform.token, 'content-length': 1000 }) + '{');
      expect(await liveAfterMs()).toBeLessThan(5_000);
      await Promise.all([...idle, ...headers, ...bodies].map((one) => one.closed(60_000)));
      expect(await liveAfterMs()).toBeLessThan(5_000);
    },
    120_000,
  );

  it.each(doors)(
    'holds no more than a share of the connections of the %s for one peer',
    async (_, url) => {
      const crowd = await many(1_500, url);
      const open = (): number => crowd.filter((one) => one.isOpen()).length;
      await eventually(() => open() <= 1_024, { timeoutMs: 40_000 });
      expect(open()).toBeGreaterThan(500);
    },
    60_000,
  );

  it('makes who guesses tokens wait, whatever it says of itself, and lets the owner of one in meanwhile', async () => {
    // On a platform of its own: what is counted against this address would slow the guesses of other tests.
    const own = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0' } });
    const info = (authorization: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${own.apiUrl}/info`, { headers: { authorization, ...headers } });
    const guess = () => info(randomUUID(), { 'x-forwarded-for': `203.0.113.${Math.ceil(Math.random() * 250)}` });
    try {
      const startedAt = performance.now();
      const guesses = Promise.all(Array.from({ length: 300 }, guess));
      const answer = await info(own.token);
      expect({ status: answer.status, text: await answer.text() }).toMatchObject({ status: 200 });
      const statuses = (await guesses).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([401, 429]));
      // Twenty at once, then one a second, of which ten may wait: however long a slow machine takes for all of them.
      const most = 20 + 10 + Math.ceil((performance.now() - startedAt) / 1_000);
      expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(most);
      expect((await info(own.token)).status).toBe(200);
    } finally {
      await own.stop();
    }
  }, 180_000);

  it('shows metrics and what is wrong to operators alone', async () => {
    expect((await call('GET', '/metrics')).status).toBe(401);
    expect((await call('GET', '/metrics', { token: platform.token })).text).toContain('http_server_request_duration');
    for (const path of ['/health', '/health/ready'])
      expect(JSON.parse((await call('GET', path)).text)).toMatchObject({ reasons: [] });
  });

  it.each([
    ['two ways to tell the length', { 'content-length': 4, 'transfer-encoding': 'chunked' }],
    ['a coding that nobody knows', { 'transfer-encoding': 'x, chunked' }],
    ['two lengths', { 'content-length': '4\r\ncontent-length: 44' }],
    ['a length that the next hop would not see', { 'content-length': 60, connection: 'content-length' }],
  ])(
    'never takes one request for two: %s',
    async (_, headers) => {
      const client = await wire(platform.apiUrl);
      const hidden = requestHead('GET', '/versions', { 'x-padding': 'x'.repeat(200) });
      client.send(requestHead('GET', '/settings', headers) + hidden);
      client.send('\r\n\r\n' + requestHead('GET', '/settings', { connection: 'close' }));
      await client.closed(60_000);
      expect(client.text()).not.toContain('endOfLife');
    },
    90_000,
  );

  it('answers requests that come one behind the other, each by its own token', async () => {
    const client = await wire(platform.apiUrl);
    client.send(
      requestHead('GET', '/info') +
        requestHead('GET', '/info', { authorization: platform.token }) +
        requestHead('GET', '/info', { authorization: 'wrong', connection: 'close' }),
    );
    await client.closed(30_000);
    expect([...client.text().matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)).toEqual(['401', '200', '401']);
  }, 60_000);
});
