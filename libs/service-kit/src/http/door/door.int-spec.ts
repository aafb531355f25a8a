import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Header, Module, Post } from '@nestjs/common';
import type { AccountRole } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { eventually, openWire, requestHead as head, startTestNats, type TestNats, type Wire } from '@fornax/testing';
import { EVENT_LOG, HeaderChecks } from '../../index.js';
import { createTestApp, type TestApp } from '../../run/test-app.fixture.js';
import {
  AccountDirectory,
  AdmittedBy,
  BodyLimit,
  hashToken,
  LARGE_BODY,
  Public,
  Sealer,
  tokenOf,
} from '@fornax/identity';
import { newId } from '@fornax/base';

const TOKEN = 'token-of-user';
const OPERATOR = 'token-of-operator';
const METRICS = 'token-for-the-metrics';

const gate = { waiting: 0, open: (): void => undefined, opened: Promise.resolve() };
const closeGate = (): void => {
  const { promise, resolve } = Promise.withResolvers<void>();
  Object.assign(gate, { waiting: 0, open: resolve, opened: promise });
};

@Controller('door')
class DoorController {
  constructor(checks: HeaderChecks) {
    checks.register('ticket', ({ headers }) => tokenOf(headers.authorization) === 'a-ticket');
  }

  @Post('small')
  small(@Body() body: unknown): unknown {
    return { body, hasOwn: Object.keys(body ?? {}) };
  }

  @Post('large')
  @BodyLimit(LARGE_BODY)
  large(@Body() body: unknown): unknown {
    return { length: JSON.stringify(body).length };
  }

  @Public()
  @Get('open')
  open(): unknown {
    return {};
  }

  @AdmittedBy('ticket')
  @Post('join')
  join(@Body() body: unknown): unknown {
    return { body };
  }

  @Get('slow')
  async slow(): Promise<unknown> {
    gate.waiting += 1;
    await gate.opened;
    return {};
  }

  @Get('flood')
  flood(): Readable {
    return Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536, 'x');
      })(),
    );
  }

  @Get('silent')
  @Header('content-type', 'text/event-stream')
  silent(): Readable {
    const stream = new Readable({ read: () => undefined });
    stream.push(': hello\n\n');
    return stream;
  }
}

@Module({ controllers: [DoorController] })
class DoorModule {}

describe('the door of the API', () => {
  let nats: TestNats;
  const apps: TestApp[] = [];
  const wires: Wire[] = [];

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<TestApp> => {
    const app = await createTestApp(DoorModule, {
      env: {
        FORNAX_NATS_URL: nats.url,
        FORNAX_NATS_USER: nats.user,
        FORNAX_NATS_PASSWORD: nats.password,
        FORNAX_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
        FORNAX_LOG_LEVEL: 'silent',
        ...env,
      },
    });
    apps.push(app);
    await app.app.get(AccountDirectory).ready;
    return app;
  };
  const wire = async ({ url }: TestApp): Promise<Wire> => {
    const made = await openWire(url);
    wires.push(made);
    return made;
  };
  const call = async (app: TestApp, path: string, init: RequestInit & { readonly token?: string } = {}) => {
    const { token = TOKEN, headers, ...rest } = init;
    const response = await fetch(app.url + path, {
      ...rest,
      headers: { ...(token === '' ? {} : { authorization: token }), ...headers },
    });
    const text = await response.text();
    return { status: response.status, text, body: (text.startsWith('{') ? JSON.parse(text) : undefined) as unknown };
  };
  const post = (app: TestApp, path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    call(app, path, { method: 'POST', body, headers });

  let door: TestApp;
  beforeAll(async () => {
    nats = await startTestNats();
    door = await start({ FORNAX_METRICS_TOKEN: METRICS });
    const log = door.app.get<EventLog>(EVENT_LOG);
    const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
    const person = async (accountId: string, role: AccountRole, token: string): Promise<void> => {
      const facts = { accountId, email: `${accountId}@example.org`, role, at: 1 };
      const sealedSecret = door.app.get(Sealer).sealWithMaster(token);
      const issued = { tokenId: newId(), name: 'test', hash: hashToken(token), sealedSecret };
      const meta = { actor: 'service:test', source: 'test', correlationId: 'c' } as const;
      const events = [
        { type: 'AccountCreated', ...facts, quotas },
        { type: 'TokenIssued', ...facts, ...issued },
      ] as const;
      const sequence = await log.append('account', accountId, { id: newId(), at: 1, meta, events }, 0);
      expect(await door.app.get(AccountDirectory).knows(sequence, 5_000)).toBe(true);
    };
    await person('user', 'user', TOKEN);
    await person('operator', 'operator', OPERATOR);
  }, 60_000);
  afterEach(async () => {
    gate.open();
    for (const { socket } of wires.splice(0)) socket.destroy();
    for (const app of apps.splice(door === undefined ? 0 : 1)) await app.close();
  });
  afterAll(async () => {
    await door?.close();
    await nats?.stop();
  });

  describe('before the body', () => {
    it.each([
      ['without a token', {}, 401],
      ['with a wrong token', { authorization: 'wrong' }, 401],
      ['too large for its route', { authorization: TOKEN }, 413],
      ['compressed', { authorization: TOKEN, 'content-encoding': 'gzip' }, 415],
    ])('answers a request %s, and ends its connection', async (_, headers, status) => {
      const client = await wire(door);
      client.send(head('POST', '/door/small', { ...headers, 'content-length': 1_000_000 }) + '[[[[');
      expect(await client.until(/\r\n\r\n.*\}$/s)).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"message":"`, 's'));
      expect(await client.closed()).toBe(true);
    });

    it('answers an unknown route with 404, and keeps the connection of a small body', async () => {
      const client = await wire(door);
      client.send(head('POST', '/nowhere', { 'content-length': 4 }));
      expect(await client.until(/\}$/)).toMatch(/^HTTP\/1.1 404 /);
      client.send('[[[[' + head('GET', '/door/open'));
      expect(await client.until(/200 OK/)).toContain('HTTP/1.1 200 OK');
    });

    it('tells a client that asks first to send its body only when it may', async () => {
      const [stranger, user] = [await wire(door), await wire(door)];
      const more = { expect: '100-continue', 'content-length': 2 };
      stranger.send(head('POST', '/door/small', more));
      expect(await stranger.until(/\}$/)).toMatch(/^HTTP\/1.1 401 /);
      user.send(head('POST', '/door/small', { ...more, authorization: TOKEN }));
      await user.until(/^HTTP\/1.1 100 Continue/);
      user.send('{}');
      expect(await user.until(/\}$/)).toContain('HTTP/1.1 200 OK');
    });

    it('lets a route look at the headers itself, and nobody else in by it', async () => {
      const join = (token: string) => call(door, '/door/join', { method: 'POST', token, body: '{"a":1}' });
      expect(await join('a-ticket')).toMatchObject({ status: 200, body: { body: { a: 1 } } });
      expect((await join('')).status).toBe(401);
      expect((await join('no-ticket')).status).toBe(401);
      expect((await join(TOKEN)).status).toBe(403);
      expect((await call(door, '/door/slow', { token: 'a-ticket' })).status).toBe(401);
    });

    it('keeps requests that come one behind the other apart', async () => {
      const client = await wire(door);
      client.send(
        head('POST', '/door/small', { 'content-length': 30 }) +
          head('GET', '/smuggled').slice(0, 30) +
          head('GET', '/door/open') +
          head('POST', '/door/small', { authorization: TOKEN, 'content-length': 7 }) +
          '{"a":1}',
      );
      const text = await client.until(/"hasOwn":\["a"\]\}$/);
      expect([...text.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)).toEqual(['401', '200', '200']);
    });

    it.each([
      ['two ways to tell the length', { 'content-length': 4, 'transfer-encoding': 'chunked' }],
      ['a coding that nobody knows', { 'transfer-encoding': 'xchunked' }],
      ['a length that is none', { 'content-length': '+4' }],
      ['two lengths', { 'content-length': '4\r\ncontent-length: 5' }],
    ])('refuses %s', async (_, headers) => {
      const client = await wire(door);
      client.send(
        head('POST', '/door/small', { authorization: TOKEN, ...headers }) + '0\r\n\r\n' + head('GET', '/door/open'),
      );
      expect(await client.closed()).toBe(true);
      expect(client.text()).not.toContain('200 OK');
    });
  });

  describe('before the body is parsed', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

    it.each([
      ['deep nesting', nested(10_000), 'The request body is nested deeper than 80 levels'],
      ['deep nesting that never ends', '['.repeat(60_000), 'The request body is nested deeper than 80 levels'],
      ['deep objects', '{"a":'.repeat(5_000), 'The request body is nested deeper than 80 levels'],
      ['many values', `[${'{},'.repeat(20_000)}{}]`, 'The request body holds more than 20000 values'],
      ['a number without end', '{"a":1e400}', 'The request body holds a number that is too large'],
      ['bytes that are no text', Buffer.from([0x22, 0xff, 0xfe, 0x22]), 'The request body is not valid UTF-8'],
    ])('refuses %s with 400 and a message', async (_, body, message) =>
      expect(await post(door, '/door/small', body)).toMatchObject({ status: 400, body: { message } }),
    );

    it('refuses a million empty objects where bodies may be large', async () => {
      const answer = await post(door, '/door/large', `[${'{},'.repeat(300_000)}{}]`);
      expect(answer).toMatchObject({
        status: 400,
        body: { message: 'The request body holds more than 200000 values' },
      });
    });

    it('takes what its route takes', async () => {
      const text = JSON.stringify('x'.repeat(500_000));
      expect(await post(door, '/door/large', text)).toMatchObject({ body: { length: text.length } });
      expect((await post(door, '/door/small', text)).status).toBe(413);
      const chunked = { method: 'POST', body: new Blob([text]).stream(), duplex: 'half' } as RequestInit;
      expect((await call(door, '/door/small', chunked)).status).toBe(413);
      expect((await post(door, '/door/small', nested(80))).status).toBe(200);
    });

    it('refuses compressed bodies and takes those that say that they are not', async () => {
      const bomb = gzipSync(Buffer.alloc(10_000_000, '['));
      expect((await post(door, '/door/small', bomb, { 'content-encoding': 'gzip' })).status).toBe(415);
      expect((await post(door, '/door/small', '{}', { 'content-encoding': 'identity' })).status).toBe(200);
    });

    it('reads past a byte order mark', async () =>
      expect(await post(door, '/door/small', '\ufeff{"a":1}')).toMatchObject({ body: { body: { a: 1 } } }));

    it.each(['__proto__', String.raw`\u005f_proto__`, String.raw`__pr\u006fto__`])(
      'refuses a key %s, wherever it is, and takes it as a value',
      async (key) => {
        const answer = await post(door, '/door/small', `{"a":[{"${key}":{"role":"operator"}}],"constructor":1}`);
        expect(answer).toMatchObject({
          status: 400,
          body: { errors: { 'a[0].__proto__': ['No key may be named so.'] } },
        });
        const outermost = await post(door, '/door/small', `{"${key}":1}`);
        expect([outermost.status, JSON.stringify(outermost.body)]).toEqual([
          400,
          expect.stringContaining('"errors":{"__proto__":["No key may be named so."]}'),
        ]);
        expect((await post(door, '/door/small', `{"constructor":"${key}"}`)).body).toMatchObject({
          hasOwn: ['constructor'],
        });
      },
    );
  });

  describe('in time', () => {
    const short = {
      FORNAX_HTTP_HEADERS_TIMEOUT_MS: '150',
      FORNAX_HTTP_REQUEST_TIMEOUT_MS: '300',
      FORNAX_HTTP_KEEP_ALIVE_TIMEOUT_MS: '100',
      FORNAX_HTTP_STALL_TIMEOUT_MS: '400',
    };

    it('ends connections that say nothing, headers and bodies that never end, and ones kept for nothing', async () => {
      const app = await start(short);
      const [silent, headers, body, kept] = await Promise.all([wire(app), wire(app), wire(app), wire(app)]);
      headers.send('POST /door/small HTTP/1.1\r\nhost: x\r\nx-a: ');
      body.send(head('POST', '/door/small', { authorization: TOKEN, 'content-length': 100 }) + '{');
      kept.send(head('GET', '/door/open'));
      await kept.until(/200 OK/);
      expect(await Promise.all([silent, headers, body, kept].map((one) => one.closed()))).toEqual(Array(4).fill(true));
      expect(body.text()).toMatch(/^HTTP\/1.1 408 |^$/);
    });

    it('ends an answer that nobody reads, and no live stream in which nothing happens', async () => {
      const app = await start(short);
      const [greedy, patient] = [await wire(app), await wire(app)];
      patient.send(head('GET', '/door/silent', { authorization: TOKEN }));
      await patient.until(/: hello/);
      greedy.socket.pause();
      greedy.send(head('GET', '/door/flood', { authorization: TOKEN }));
      const isCounted = () =>
        new Promise<number>((resolve, reject) => {
          app.app
            .getHttpServer()
            .getConnections((error: Error | null, count: number) => (error ? reject(error) : resolve(count)));
        });
      await eventually(async () => (await isCounted()) === 1);
      expect(patient.isOpen()).toBe(true);
    });

    it('lets an answer take its time that is being worked on', async () => {
      closeGate();
      const app = await start(short);
      const client = await wire(app);
      client.send(head('GET', '/door/slow', { authorization: TOKEN }));
      await eventually(() => gate.waiting === 1);
      const other = await wire(app);
      await other.closed(); // longer than any of the limits
      const another = await wire(app);
      another.send(head('GET', '/door/open'));
      await another.closed();
      gate.open();
      expect(await client.until(/\{\}$/)).toContain('200 OK');
    });
  });

  describe('in numbers', () => {
    it('keeps so many connections of one peer, and others when some go', async () => {
      const app = await start({ FORNAX_HTTP_MAX_CONNECTIONS_PER_PEER: '5' });
      const first = await Promise.all(Array.from({ length: 5 }, () => wire(app)));
      const over = await Promise.all(Array.from({ length: 20 }, () => wire(app)));
      await Promise.all(over.map((one) => one.closed()));
      expect(first.every((one) => one.isOpen())).toBe(true);
      for (const { socket } of first) socket.destroy();
      await eventually(async () => (await call(app, '/door/open')).status === 200);
    });

    it('works on so many requests, lets so many wait, says 503 to more, and stays alive', async () => {
      closeGate();
      const app = await start({ FORNAX_HTTP_MAX_REQUESTS: '2', FORNAX_HTTP_MAX_WAITING_REQUESTS: '1' });
      const silent = await wire(app);
      silent.send(head('GET', '/door/silent', { authorization: TOKEN }));
      await silent.until(/: hello/);
      const slow = [call(app, '/door/slow'), call(app, '/door/slow')];
      await eventually(() => gate.waiting === 2);
      const waiting = call(app, '/door/open');
      const refused = await eventually(async () => {
        const answer = await call(app, '/door/slow');
        return answer.status === 503 && answer;
      });
      expect(refused.body).toEqual({
        message: 'Too many requests are under way: nothing was done, try again in a moment',
      });
      expect((await call(app, '/health/live', { token: '' })).status).toBe(200);
      gate.open();
      expect((await Promise.all([...slow, waiting])).map(({ status }) => status)).toEqual([200, 200, 200]);
    });
  });

  it('keeps room for others while one account asks for all of it', async () => {
    closeGate();
    const app = await start({ FORNAX_HTTP_MAX_REQUESTS: '4', FORNAX_HTTP_MAX_REQUESTS_PER_ACCOUNT: '2' });
    const slow = Array.from({ length: 4 }, () => call(app, '/door/slow'));
    await eventually(() => gate.waiting === 2);
    const others = [call(app, '/door/open', { token: OPERATOR }), call(app, '/door/open', { token: '' })];
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200]);
    expect(gate.waiting).toBe(2);
    gate.open();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  describe('for whoever guesses tokens', () => {
    const strict = {
      FORNAX_HTTP_WRONG_TOKENS_BURST: '5',
      FORNAX_HTTP_WRONG_TOKENS_PER_MINUTE: '1',
      FORNAX_HTTP_WRONG_TOKENS_MAX_DELAY_MS: '0',
    };
    const guess = (app: TestApp, headers: Record<string, string> = {}) =>
      call(app, '/door/slow', { token: randomUUID(), headers }).then(({ status }) => status);
    const guesses = (app: TestApp, count: number) => Promise.all(Array.from({ length: count }, () => guess(app)));

    it('answers a few with 401 and the rest with 429, and whoever has a right token as ever', async () => {
      const app = await start(strict);
      const statuses = await guesses(app, 50);
      expect(statuses.filter((status) => status === 401)).toHaveLength(5);
      expect(statuses.filter((status) => status === 429)).toHaveLength(45);
      expect((await call(app, '/door/open')).status).toBe(200);
      expect((await post(app, '/door/small', '{}')).status).toBe(200);
      // Without a token nothing is guessed.
      expect((await call(app, '/door/slow', { token: '' })).status).toBe(401);
    });

    it('holds answers back, one after the other', async () => {
      const app = await start({ FORNAX_HTTP_WRONG_TOKENS_BURST: '2', FORNAX_HTTP_WRONG_TOKENS_PER_MINUTE: '600' });
      const startedAt = performance.now();
      expect(await guesses(app, 6)).toEqual(Array(6).fill(401));
      // The last of four answers held back at a pace of 100 ms.
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(390);
    });

    it('counts by the peer, whatever it says of itself', async () => {
      const app = await start(strict);
      await guesses(app, 5);
      expect(await guess(app, { 'x-forwarded-for': '203.0.113.7' })).toBe(429);
      const behind = await start({ ...strict, FORNAX_TRUSTED_PROXIES: 'loopback' });
      await guesses(behind, 5);
      expect(await guess(behind)).toBe(429);
      expect(await guess(behind, { 'x-forwarded-for': '203.0.113.7' })).toBe(401);
    });

    it.each(['/metrics', '/health', '/health/ready'])('gives no oracle at %s', async (path) => {
      const app = await start(strict);
      await guesses(app, 5);
      expect((await call(app, path, { token: 'wrong' })).status).toBe(429);
    });
  });

  describe('to what is for those who run it', () => {
    it.each([
      ['nobody', '', 401],
      ['a user', TOKEN, 403],
      ['an operator', OPERATOR, 200],
      ['whoever collects them', METRICS, 200],
      ['whoever collects them, in the form that Prometheus sends', `Bearer ${METRICS}`, 200],
    ])('shows metrics: %s', async (_, token, status) =>
      expect((await call(door, '/metrics', { token })).status).toBe(status),
    );

    it('tells strangers and users whether it is ready, and operators why not', async () => {
      const { HealthRegistry } = await import('../../core/health.registry.js');
      const app = await start();
      const health = app.app.get(HealthRegistry);
      health.readiness('store', () => 'connect ECONNREFUSED 10.1.2.3:5432');
      health.warn('nats-server 2.9.1 at 10.1.2.3');
      for (const token of ['', TOKEN])
        for (const path of ['/health/ready', '/health']) {
          const { text, body } = await call(app, path, { token });
          expect(body).toMatchObject({ status: 'not ready', reasons: [] });
          expect(text).not.toContain('10.1.2.3');
        }
      expect((await call(app, '/health/ready', { token: OPERATOR })).text).toContain('10.1.2.3:5432');
      expect((await call(app, '/health', { token: OPERATOR })).text).toContain('nats-server 2.9.1');
    });

    it('labels what it counts with few values, whatever a client makes up', async () => {
      for (const method of ['PROPFIND', 'MKCOL', 'M-SEARCH']) {
        const client = await wire(door);
        client.send(head(method, '/door/' + randomUUID(), { connection: 'close' }));
        await client.closed();
      }
      const { text } = await call(door, '/metrics', { token: METRICS });
      const labels = [...text.matchAll(/http_request_method="([^"]*)"/g)].map(([, method]) => method);
      expect(labels).not.toContain('PROPFIND');
      const routes = new Set([...text.matchAll(/http_route="([^"]*)"/g)].map(([, route]) => route));
      expect([...routes].filter((route) => /[0-9a-f]{8}-/.test(route ?? ''))).toEqual([]);
    });
  });
});
