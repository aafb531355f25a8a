import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadDoorLimits, refuse } from '@fornax/service-kit';
import { startTelemetry } from '@fornax/base/telemetry';
import { openWire, requestHead } from '@fornax/testing';
import { createRouter } from './router.js';
import { SERVICES, type Service } from './routes.js';
import type { Targets } from './settings.js';

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return `http://127.0.0.1:${address.port}`;
};

const json = (response: http.ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Paths that any service was asked for. */
const seen: string[] = [];

/** A service that tells what it got, and has one projection named after it. */
const service = (name: Service): Server =>
  http.createServer((request, response) => {
    seen.push(request.url ?? '');
    if (request.url === '/tasks/refused')
      return refuse(request, response, { status: 401, headers: {}, body: '{"message":"no"}' });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      if (path === '/health/ready') return json(response, 200, { status: 'ready', reasons: [] });
      if (path === '/health') return json(response, 200, { reasons: [], warnings: ['be careful'] });
      if (path === '/openapi.json')
        return json(response, 200, {
          openapi: '3.0.0',
          paths: { [`/${name}`]: {} },
          components: { schemas: { [name]: {} } },
        });
      if (path === '/fornax/v1/projections') {
        return request.headers.authorization === 'operator'
          ? json(response, 200, [{ name: `${name}-rows`, service: name }])
          : json(response, 401, { message: 'no' });
      }
      if (path === '/metrics') return json(response, request.headers.authorization === 'operator' ? 200 : 403, {});
      if (path === '/tasks/cut') {
        response.writeHead(200, { 'content-length': '100' }).write('half');
        return void setImmediate(() => response.destroy());
      }
      if (path === '/tasks/dies') return void request.socket.destroy();
      if (path === '/fornax/v1/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' }).write(': one\n\n');
        return;
      }
      response.writeHead(path.includes('/abort') ? 403 : 200, { 'content-type': 'text/x-echo', 'x-service': name });
      response.end(
        JSON.stringify({
          name,
          method: request.method,
          url: path,
          headers: request.headers,
          body: Buffer.concat(chunks).toString('hex'),
        }),
      );
    });
  });

const METRICS = 'token-for-the-metrics';

describe('the router', () => {
  const services = new Map<Service, Server>();
  let router: Server;
  let targetsOfAll: Targets;
  let url = '';

  beforeAll(async () => {
    const urls: [Service, URL][] = [];
    for (const name of SERVICES) {
      const server = service(name);
      services.set(name, server);
      urls.push([name, new URL(await listen(server))]);
    }
    const telemetry = startTelemetry({ service: 'router' });
    targetsOfAll = Object.fromEntries(urls) as Targets;
    router = createRouter({
      targets: targetsOfAll,
      door: loadDoorLimits({ FORNAX_METRICS_TOKEN: METRICS }),
      telemetry,
      onError: (error) => {
        throw error;
      },
    });
    url = await listen(router);
  });

  afterAll(async () => {
    for (const server of [router, ...services.values()]) {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    }
  });

  it('passes requests and answers through untouched', async () => {
    const body = Buffer.from([0, 1, 2, 255, 13, 10]);
    const response = await fetch(`${url}/v1/tasks/a%2Fb/abort?x=1`, {
      method: 'POST',
      body,
      headers: { authorization: 't', 'content-type': 'application/json-patch+json' },
    });
    expect([response.status, response.headers.get('content-type'), response.headers.get('x-service')]).toEqual([
      403,
      'text/x-echo',
      'submission',
    ]);
    expect(await response.json()).toMatchObject({
      method: 'POST',
      url: '/v1/tasks/a%2Fb/abort?x=1',
      body: body.toString('hex'),
      headers: {
        authorization: 't',
        'content-type': 'application/json-patch+json',
        'content-length': '6',
        host: new URL(url).host,
      },
    });
  });

  it('streams a body whose size nobody told', async () => {
    const body = Buffer.alloc(5_000_000, 7);
    const streamed = { method: 'PUT', body: new Blob([body]).stream(), duplex: 'half' } as RequestInit;
    const answer: unknown = await (await fetch(`${url}/fornax/v1/buckets`, streamed)).json();
    expect(answer).toMatchObject({ name: 'storage', body: body.toString('hex') });
  });

  it('breaks off an answer that the service breaks off', async () => {
    const response = await fetch(`${url}/tasks/cut`);
    await expect(response.text()).rejects.toThrow();
  });

  it('does not say that nothing was done when a service dies with the request in its hands', async () => {
    const ask = async (method: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(`${url}/tasks/dies`, { method, headers })).status;
    expect(await ask('POST')).toBe(409);
    expect(await ask('POST', { 'idempotency-key': 'mine' })).toBe(504);
    expect(await ask('DELETE')).toBe(409);
    expect(await ask('GET')).toBe(503);
  });

  it('is ready when all services are, and tells their warnings', async () => {
    const ready = await fetch(`${url}/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'ready', reasons: [] }]);
    expect(await (await fetch(`${url}/health`, { headers: { authorization: 'operator' } })).json()).toMatchObject({
      warnings: ['be careful'],
    });
  });

  it('says itself that a body is too large, before a service hangs up on it', async () => {
    for (let n = 0; n < 5; n += 1) {
      const answer = await fetch(`${url}/tasks`, { method: 'POST', body: 'x'.repeat(1_100_000) });
      expect([answer.status, await answer.json()]).toEqual([413, { message: 'The request body is too large' }]);
    }
  });

  it('merges what the services say of their routes', async () => {
    const document: unknown = await (await fetch(`${url}/openapi.json`)).json();
    expect(document).toMatchObject({
      paths: { '/submission': {}, '/billing': {} },
      components: { schemas: { storage: {} } },
    });
  });

  it('lists the projections of all and finds the owner of one', async () => {
    const headers = { authorization: 'operator' };
    expect(await (await fetch(`${url}/fornax/v1/projections`, { headers })).json()).toHaveLength(SERVICES.length);
    const rebuilt = await fetch(`${url}/fornax/v1/projections/billing-rows/rebuild`, { method: 'POST', headers });
    expect(rebuilt.headers.get('x-service')).toBe('billing');
    expect((await fetch(`${url}/fornax/v1/projections/none/rebuild`, { method: 'POST', headers })).status).toBe(404);
    expect((await fetch(`${url}/fornax/v1/projections/billing-rows/rebuild`, { method: 'POST' })).status).toBe(401);
  });

  it('offers its own metrics', async () => {
    const metrics = (authorization?: string) =>
      fetch(`${url}/metrics`, authorization === undefined ? {} : { headers: { authorization } });
    expect(await (await metrics(METRICS)).text()).toContain('http_server_request_duration_bucket');
    expect((await metrics()).status).toBe(401);
    // A service knows whose token it is.
    expect([(await metrics('operator')).status, (await metrics('somebody')).status]).toEqual([200, 403]);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  it('says itself who asks, whatever the client says', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', 'x-forwarded-proto': 'https' };
    const echo = (await (await fetch(`${url}/tasks`, { headers })).json()) as { headers: Record<string, string> };
    expect(echo.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    expect(echo.headers).not.toHaveProperty('forwarded');
  });

  it('lets no Connection header take away where the body ends or whose request it is', async () => {
    const wire = await openWire(url);
    const smuggled = requestHead('GET', '/fornax/v1/nodes/smuggled');
    wire.send(
      requestHead('GET', '/tasks', {
        authorization: 'mine',
        connection: 'content-length, authorization',
        'content-length': smuggled.length,
      }) + smuggled,
    );
    wire.send(requestHead('GET', '/tasks/next', { connection: 'close' }));
    await wire.closed();
    const answers = wire.text().split(/(?=HTTP\/1\.1 )/);
    expect(answers).toHaveLength(2);
    expect(answers[0]).toContain('"authorization":"mine"');
    expect(answers[0]).toContain(Buffer.from(smuggled).toString('hex'));
    expect(answers[1]).toContain('"url":"/tasks/next"');
    expect(seen).not.toContain('/fornax/v1/nodes/smuggled');
  });

  it('passes on the refusal of a body before the body is there', async () => {
    const wire = await openWire(url);
    wire.send(requestHead('POST', '/tasks/refused', { 'content-length': 900_000 }));
    expect(await wire.until(/\{"message":"no"\}$/)).toMatch(/^HTTP\/1\.1 401 /);
    await wire.closed();
  });

  it('ends connections that say nothing and bodies that never come, and lives', async () => {
    const impatient = createRouter({
      targets: targetsOfAll,
      door: loadDoorLimits({
        FORNAX_HTTP_HEADERS_TIMEOUT_MS: '100',
        FORNAX_HTTP_REQUEST_TIMEOUT_MS: '300',
        FORNAX_HTTP_STALL_TIMEOUT_MS: '500',
        FORNAX_HTTP_MAX_CONNECTIONS_PER_PEER: '20',
      }),
      telemetry: startTelemetry({ service: 'router' }),
      onError: () => undefined,
    });
    const at = await listen(impatient);
    const silent = await Promise.all(Array.from({ length: 40 }, () => openWire(at)));
    await Promise.all(silent.map((wire) => wire.closed()));
    const body = await openWire(at);
    body.send(requestHead('POST', '/tasks', { 'content-length': 100 }) + '{');
    await body.closed();
    expect((await fetch(`${at}/health/live`)).status).toBe(200);
    impatient.closeAllConnections();
    await new Promise((resolve) => impatient.close(resolve));
  });

  it('answers 503 for a service that is down, and says so in its readiness', async () => {
    const billing = services.get('billing');
    billing?.closeAllConnections();
    await new Promise((resolve) => billing?.close(resolve));
    const response = await fetch(`${url}/credits/v1/accounts/credits`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { message: 'The billing service cannot be reached right now' },
    ]);
    const ready = await fetch(`${url}/health/ready`, { headers: { authorization: 'operator' } });
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { reasons: [{ name: 'billing', reason: 'cannot be reached' }] },
    ]);
    expect((await fetch(`${url}/tasks`)).status).toBe(200);
  });

  it('passes a live stream on as it comes, and ends it when the reader goes', async () => {
    const events = services.get('submission');
    const left = new Promise<void>((resolve) => {
      events?.once('request', (_: unknown, response: http.ServerResponse) => response.once('close', () => resolve()));
    });
    const stop = new AbortController();
    const response = await fetch(`${url}/fornax/v1/events`, { signal: stop.signal });
    // The service has not ended its answer, and never will: what it has said is here all the same.
    const first = await response.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe(': one\n\n');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    stop.abort();
    await left;
  });
});
