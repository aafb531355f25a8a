import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RpcClient } from '@fornax/base';
import { SecretEndpoint } from './secret-endpoint.js';

const LARGE = 'v'.repeat(900_000);
const ask = (path: string, method = 'GET'): string => `${method} ${path} HTTP/1.1\r\nhost: secrets\r\n\r\n`;

/** A reset is a close as any other. */
const closeOf = (connection: Socket): Promise<void> =>
  new Promise((resolve) => connection.once('close', () => resolve()));

describe('the server of one instance', () => {
  let folder = '';
  let endpoint: SecretEndpoint;
  let asked = 0;
  let received = 0;
  const given: string[] = [];
  const connections: Socket[] = [];

  const serve = async (takeMs: number): Promise<void> => {
    const rpc = {
      request: () => {
        asked += 1;
        return Promise.resolve({
          granted: true,
          secrets: [{ key: 'large', version: 1, value: LARGE }],
          hasMore: false,
        });
      },
    } as unknown as RpcClient;
    endpoint = new SecretEndpoint(
      {
        nodeId: 'node',
        rpc,
        isHeld: () => true,
        onError: () => undefined,
        onGiven: (values) => Promise.resolve(void given.push(...values)),
      },
      { leaseId: 'lease', taskId: 'task', instance: 0 },
      new AbortController().signal,
      takeMs,
    );
    endpoint.server.on('request', () => (received += 1));
    endpoint.server.listen(join(folder, 'sock'));
    await once(endpoint.server, 'listening');
  };
  const connect = async (): Promise<Socket> => {
    const connection = createConnection(join(folder, 'sock'));
    connection.on('error', () => undefined);
    connections.push(connection);
    await once(connection, 'connect');
    return connection;
  };
  /** All that is sent to a connection until it is closed, or until a text has come. */
  const readUntil = async (connection: Socket, end?: string): Promise<string> => {
    let text = '';
    for await (const chunk of connection.iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      if (end !== undefined && text.includes(end)) return text;
    }
    return text;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fornax-asks-'));
    asked = 0;
    received = 0;
  });
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.destroy();
    endpoint.server.closeAllConnections();
    endpoint.server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('cuts a connection off that sends a second request before it has taken the first answer', async () => {
    await serve(60_000);
    const greedy = await connect();
    const closed = closeOf(greedy);
    greedy.resume().write(ask('/data/large').repeat(2_000));
    await closed;
    expect(asked).toBeLessThanOrEqual(1);
  });

  it('holds nothing of those that flood it while an answer is not taken', async () => {
    await serve(60_000);
    const slow = await connect();
    slow.write(ask('/data/large'));
    await once(endpoint.server, 'request');
    const flood = await connect();
    const closed = closeOf(flood);
    flood.resume().write(ask('/x').repeat(50_000));
    await closed;
    const later = await connect();
    later.write(ask('/x', 'PUT'));
    expect(await readUntil(later)).toMatch(/^HTTP\/1\.1 405 /);
  });

  it('refuses at once, while others wait for an answer that is not taken', async () => {
    await serve(60_000);
    const slow = await connect();
    slow.write(ask('/data/large'));
    await once(endpoint.server, 'request');
    const waiting = await Promise.all(Array.from({ length: 20 }, connect));
    for (const connection of waiting) connection.resume();
    const cut = Promise.all(waiting.slice(15).map((connection) => closeOf(connection)));
    for (const connection of waiting) {
      connection.write(ask('/x'));
      await once(endpoint.server, 'request');
    }
    await cut;
    expect(waiting.filter(({ closed }) => closed)).toHaveLength(5);
    const next = await connect();
    for (let n = received; n < 30; n += 1) {
      const one = await connect();
      one.write(ask('/x'));
      await once(endpoint.server, 'request');
      one.destroy();
    }
    next.write(ask('/x'));
    expect(await readUntil(next, 'too-many')).toMatch(/^HTTP\/1\.1 429 /);
  });

  it('destroys an answer that is not taken in time, and answers the next', async () => {
    await serve(200);
    const slow = await connect();
    slow.write(ask('/data/large'));
    await once(endpoint.server, 'request');
    const next = await connect();
    next.write(ask('/x'));
    expect(await readUntil(next, 'not-found')).toMatch(/^HTTP\/1\.1 404 /);
    expect((await readUntil(slow)).length).toBeLessThan(LARGE.length);
  });

  it('answers one request after the other of a connection that takes each answer', async () => {
    await serve(60_000);
    const calm = await connect();
    for (let n = 0; n < 5; n += 1) {
      calm.write(ask('/x'));
      expect(await readUntil(calm, '/values/<prefix>."}')).toMatch(/^HTTP\/1\.1 404 /);
    }
  });
});
