import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module, Param, Post } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { request } from 'node:http';
import pg from 'pg';
import { z } from 'zod';
import { connectNats, type EventLog } from '@fornax/event-store';
import type { RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import { createTestDatabase, startTestNats } from '@fornax/testing';
import type { EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import {
  EVENT_LOG,
  LogHandler,
  parseInput,
  ProjectionHost,
  provideProjection,
  RpcHandler,
  serviceDatabase,
  ZodBody,
  ZodQuery,
} from '../index.js';
import { createTestApp, type TestApp } from './test-app.fixture.js';
import { accountOf, CurrentAccount, OperatorOnly, Public, type Account } from '@fornax/identity';
import { activeTraceparent, NotFound, RpcClient } from '@fornax/base';
import { appendAccount } from '../commit-rows.fixture.js';

const TOKEN = 'a-user-token';
const OPERATOR_TOKEN = 'an-operator-token';
const bodySchema = z.object({ name: z.string(), count: z.number().int().positive() });
const querySchema = z.object({ limit: z.coerce.number().default(10) });
const seen: { readonly sequences: number[]; failures: number } = { sequences: [], failures: 1 };

class CreateEmails1700000000001 implements MigrationInterface {
  readonly name = 'CreateEmails1700000000001';
  readonly version = 1;
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE email (id text PRIMARY KEY)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE email');
  }
}

@Injectable()
class EmailProjection implements Projection {
  readonly name = 'emails';
  readonly version = 1;
  readonly aggregates = ['account'] as const;
  readonly tables = ['email'];
  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const emails = batch.flatMap(({ events }) =>
      events.flatMap((event) => (event.type === 'AccountCreated' ? [event.email] : [])),
    );
    await tx.query('INSERT INTO email SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [emails]);
  }
}

@Controller('things')
class ThingsController {
  constructor(private readonly rpc: RpcClient) {}

  @Get()
  list(@CurrentAccount() account: Account): unknown {
    return { email: account.email, traceparent: activeTraceparent() };
  }

  @Get('limit')
  limit(@ZodQuery(querySchema) { limit }: z.output<typeof querySchema>): unknown {
    return { limit };
  }

  @Post()
  add(@ZodBody(bodySchema) body: z.output<typeof bodySchema>): unknown {
    return { ...body, traceparent: activeTraceparent() };
  }

  @Public()
  @Post('touch')
  touch(): string {
    return 'touched';
  }

  @OperatorOnly()
  @Get('secret')
  secret(): string {
    return 'for operators';
  }

  @Get('asked/:name')
  ask(@Param('name') name: string): Promise<unknown> {
    return this.rpc.request('fx.rpc.test.greet', { name }, z.object({ greeting: z.string(), subject: z.string() }));
  }

  @Get('broken')
  broken(): never {
    throw new Error('details that nobody may see');
  }

  @RpcHandler('fx.rpc.test.*')
  async greet(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<unknown> {
    const { name } = parseInput(z.object({ name: z.string() }), payload);
    if (name === 'nobody') throw new NotFound('No such person: nobody', { code: 'no-such-person' });
    return Promise.resolve({ greeting: `hello ${name}`, subject: context.getSubject() });
  }

  @LogHandler({ name: 'watch', aggregates: ['account'], from: 'checkpoint', service: 'kit-test' })
  watch(batch: readonly RecordedCommit[]): Promise<void> {
    if (seen.failures > 0) {
      seen.failures -= 1;
      return Promise.reject(new Error('first try fails'));
    }
    seen.sequences.push(...batch.map((commit) => commit.sequence));
    return Promise.resolve();
  }
}

@Module({
  imports: [serviceDatabase('kit-test', [CreateEmails1700000000001])],
  controllers: [ThingsController],
  providers: [...provideProjection('kit-test', EmailProjection)],
})
class TestModule {
  constructor(@Inject(EVENT_LOG) readonly log: EventLog) {}
}

/** Sends a path exactly as given: fetch would tidy it up. */
const raw = (url: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path, headers: { authorization: TOKEN, ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

describe('a service on the kit', () => {
  let nats: Awaited<ReturnType<typeof startTestNats>>;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: TestApp;
  let lastSequence = 0;

  const get = (path: string, headers: Record<string, string> = { authorization: TOKEN }) =>
    fetch(service.url + path, { headers });
  const post = (path: string, body: string | undefined, headers: Record<string, string> = {}) =>
    fetch(service.url + path, {
      method: 'POST',
      headers: { authorization: TOKEN, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  beforeAll(async () => {
    nats = await startTestNats();
    database = await createTestDatabase();
    const env = {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_LOG_LEVEL: 'silent',
    };
    service = await createTestApp(TestModule, { env });
    await appendAccount(service, { email: 'user@example.com', role: 'user', token: TOKEN });
    lastSequence = await appendAccount(service, {
      email: 'operator@example.com',
      role: 'operator',
      token: OPERATOR_TOKEN,
    });
    await service.app.get(ProjectionHost).waitFor('emails', lastSequence, 5000);
    const isKnown = async (): Promise<boolean> =>
      (await get('/things', { authorization: OPERATOR_TOKEN })).status === 200;
    for (const deadline = Date.now() + 5000; !(await isKnown()) && Date.now() < deadline;);
  }, 60_000);

  afterAll(async () => {
    await service?.close();
    await database?.drop();
    await nats?.stop();
  });

  it('knows the account of a raw token and of a bearer token', async () => {
    expect(await (await get('/things')).json()).toMatchObject({ email: 'user@example.com' });
    expect(await (await get('/things', { authorization: `Bearer ${TOKEN}` })).json()).toMatchObject({
      email: 'user@example.com',
    });
  });

  it('answers 401 to a missing and to a wrong token with the same body', async () => {
    const missing = await get('/things', {});
    const wrong = await get('/things', { authorization: 'wrong' });
    const body = {
      message: 'Bad authentication token',
      error: { message: 'Bad authentication token', code: 401 },
      data: {},
    };
    expect([missing.status, wrong.status]).toEqual([401, 401]);
    expect([await missing.json(), await wrong.json()]).toEqual([body, body]);
  });

  it("keeps operators' routes from users", async () => {
    expect((await get('/things/secret')).status).toBe(403);
    expect((await get('/things/secret', { authorization: OPERATOR_TOKEN })).status).toBe(200);
  });

  it('serves a path with doubled slashes, a version, a slash at the end, in any case', async () => {
    const paths = ['/v1/things', '//things', '/v1//things/', '/THINGS/', '/V1/Things'];
    expect(await Promise.all(paths.map((path) => raw(service.url, path)))).toEqual([200, 200, 200, 200, 200]);
  });

  it('reads query keys in any case', async () => {
    expect(await (await get('/things/limit?Limit=3')).json()).toEqual({ limit: 3 });
  });

  it('accepts an empty body of any content type where none is needed', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      expect((await post('/things/touch', '', { 'content-type': type })).status).toBe(200);
    }
    expect((await post('/things/touch', undefined)).status).toBe(200);
  });

  it('accepts JSON under any content type', async () => {
    for (const type of ['application/json; charset=utf-8', 'text/json', 'application/vnd.api+json', 'text/plain']) {
      expect(await (await post('/things', '{"name":"a","count":2}', { 'content-type': type })).json()).toMatchObject({
        name: 'a',
        count: 2,
      });
    }
  });

  it('answers a body that does not fit with a problem that names the fields', async () => {
    const response = await post('/things', '{"name":1}');
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const body: unknown = await response.json();
    expect(body).toMatchObject({
      title: 'One or more validation errors occurred.',
      status: 400,
      message: expect.any(String),
      errors: { name: [expect.any(String)], count: [expect.any(String)] },
    });
  });

  it('answers malformed JSON with 400 and a body over the limit with 413, as JSON with a message', async () => {
    const malformed = await post('/things', '{"name":');
    expect([malformed.status, await malformed.json()]).toEqual([
      400,
      { message: 'The request body is not valid JSON' },
    ]);
    const large = await post('/things', JSON.stringify({ name: 'x'.repeat(1_100_000) }));
    expect([large.status, await large.json()]).toEqual([413, { message: 'The request body is too large' }]);
  });

  it('answers an unknown route with 404 and a bug with 500, as JSON, without details', async () => {
    const unknown = await get('/nowhere');
    expect([unknown.status, await unknown.json()]).toEqual([404, { message: expect.any(String) }]);
    const bug = await get('/things/broken');
    expect([bug.status, await bug.json()]).toEqual([500, { message: 'Internal Server Error' }]);
  });

  it('continues the trace of the request, also after reading a body', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const read: unknown = await (await get('/things', { authorization: TOKEN, traceparent })).json();
    const written: unknown = await (await post('/things', '{"name":"a","count":1}', { traceparent })).json();
    for (const body of [read, written])
      expect(body).toMatchObject({ traceparent: expect.stringMatching(/^00-0af7651916cd43dd8448eb211c80319c-/) });
    expect(await (await get('/things')).json()).toMatchObject({
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
    });
  });

  it('asks and answers over NATS in plain JSON', async () => {
    expect(await (await get('/things/asked/ann')).json()).toEqual({
      greeting: 'hello ann',
      subject: 'fx.rpc.test.greet',
    });
    const connection = await connectNats({ url: nats.url, user: nats.user, password: nats.password, name: 'test' });
    try {
      const reply = await connection.request('fx.rpc.test.x', '{"name":"bob"}', { timeout: 2000 });
      expect(reply.json()).toEqual({ ok: { greeting: 'hello bob', subject: 'fx.rpc.test.x' } });
      const refused = await connection.request('fx.rpc.test.x', '{"name":"nobody"}', { timeout: 2000 });
      expect(refused.json()).toEqual({ error: { code: 'no-such-person', message: 'No such person: nobody' } });
      const garbage = await connection.request('fx.rpc.test.x', 'not json', { timeout: 2000 });
      expect(garbage.json()).toMatchObject({ error: { code: 'validation-failed' } });
    } finally {
      await connection.close();
    }
  });

  it('hands the log to its handlers in order, again after a failure', async () => {
    for (const deadline = Date.now() + 5000; seen.sequences.length < 2 && Date.now() < deadline;) await get('/health');
    expect(seen.sequences).toEqual([lastSequence - 1, lastSequence]);
  });

  it('hosts projections, shows them to operators and rebuilds them', async () => {
    const headers = { authorization: OPERATOR_TOKEN };
    expect(await (await get('/fornax/v1/projections', headers)).json()).toEqual([
      { name: 'emails', service: 'kit-test', sequence: lastSequence, lag: 0 },
    ]);
    const rebuilt = await fetch(`${service.url}/fornax/v1/projections/emails/rebuild?verify=true`, {
      method: 'POST',
      headers,
    });
    expect(await rebuilt.json()).toMatchObject({ rows: { email: 2 }, swapped: false });
    expect((await fetch(`${service.url}/fornax/v1/projections/none/rebuild`, { method: 'POST', headers })).status).toBe(
      404,
    );
    expect((await get('/fornax/v1/projections')).status).toBe(403);
  });

  it('says that a projection is held by somebody else, where its rebuild waits in vain', async () => {
    const holder = new pg.Client(database.url);
    await holder.connect();
    try {
      await holder.query("BEGIN; SELECT 1 FROM kit_test.projection_checkpoint WHERE projection = 'emails' FOR UPDATE");
      const answer = await fetch(`${service.url}/fornax/v1/projections/emails/rebuild?verify=true`, {
        method: 'POST',
        headers: { authorization: OPERATOR_TOKEN },
      });
      expect([answer.status, await answer.json()]).toMatchObject([
        503,
        { message: expect.stringMatching(/held by another/) },
      ]);
    } finally {
      await holder.end();
    }
  }, 30_000);

  it('says whether it lives and is ready, and why not', async () => {
    expect((await get('/health/live', {})).status).toBe(200);
    const ready = await get('/health/ready', {});
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: 'ready', service: 'test', reasons: [], degraded: [], stops: [], message: 'ready' },
    ]);
  });

  it("offers metrics in Prometheus' format", async () => {
    const text = await (await get('/metrics', { authorization: OPERATOR_TOKEN })).text();
    expect(text).toContain('http_server_request_duration_bucket');
    expect(text).toMatch(/fornax_projection_lag\{[^}]*projection="emails"[^}]*\} 0/);
  });

  it('describes its routes and their bodies as OpenAPI', async () => {
    const document: unknown = await (await get('/openapi.json', {})).json();
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, count: { type: 'integer' } },
      required: ['name', 'count'],
    };
    expect(document).toMatchObject({
      paths: { '/things': { post: { requestBody: { content: { 'application/json': { schema } } } } } },
    });
  });

  it('refuses an address that is too long as documented', async () => {
    const answer = await get(`/things/asked/${'x'.repeat(20_000)}`, {});
    expect(answer.status).toBe(431);
    expect(await answer.json()).toMatchObject({ message: expect.any(String) });
  });

  it('says in the document what holds for every route', async () => {
    const document = (await (await get('/openapi.json', {})).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, { content?: object }>; security?: object[] }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const post = document.paths['/things']?.['post'];
    expect(Object.keys(post?.responses ?? {})).toEqual([
      '200',
      '400',
      '401',
      '403',
      '409',
      '413',
      '415',
      '429',
      '431',
      '503',
      '504',
      '507',
    ]);
    expect(post?.responses['400']?.content).toHaveProperty(['application/problem+json']);
    expect(post).toMatchObject({ requestBody: { required: true } });
    expect(post?.security).toBeUndefined();
    expect(document.paths['/things/touch']?.['post']?.security).toEqual([]);
    expect(document.paths['/things/touch']?.['post']?.responses).not.toHaveProperty('401');
    expect(document.paths['/things/asked/{name}']?.['get']?.responses).toHaveProperty('404');
    expect(document.paths).toHaveProperty(['/health/ready']);
  });

  it('serves a page to browse the document, with nothing from elsewhere and without a token', async () => {
    const page = await get('/docs/api', {});
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const text = await page.text();
    expect(text).not.toMatch(/https?:\/\//);
    const files = [...text.matchAll(/(?:src|href)="(\/docs\/api\/[^"]+)"/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const file of files) expect((await get(file, {})).status).toBe(200);
  });

  it('answers what the router itself refuses in the same form', async () => {
    const long = await get(`/things/asked/${'x'.repeat(2_000)}`);
    expect([long.status, await long.json()]).toEqual([404, { message: 'There is nothing with so long a name' }]);
    const bad = await get('/things/asked/%F0%9F');
    expect([bad.status, await bad.json()]).toEqual([400, { message: 'The path is not valid' }]);
  });

  it('knows a path whatever the method, and says which there are', async () => {
    const wrong = await fetch(`${service.url}/things/secret`, { method: 'PATCH' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await wrong.json()).toEqual({ message: 'PATCH is not possible here' });
    const options = await fetch(`${service.url}/THINGS?x=1`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST']);
    expect((await fetch(`${service.url}/nothing`, { method: 'PATCH' })).status).toBe(404);
    expect((await fetch(`${service.url}/things/touch`, { method: 'HEAD' })).status).toBe(405);
  });

  it('never hands out the account of a request without a token', () => {
    expect(() => accountOf({ raw: {} } as never)).toThrow('Bad authentication token');
  });
});
