import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { identify, isAlive } from '../process-table.js';
import { waitUntil } from '../wait.js';
import { type NatsBinary, NATS_SOURCES, provisionNats } from './nats-provision.js';
import { nodeInboxPrefix } from './nats-config.js';
import { type NatsServer, startNats } from './nats-server.js';

const SLOW_MS = 300_000;
let folder: string;
let binary: NatsBinary;
let server: NatsServer;

const connectAs = (who: { user: string; password: string }, inboxPrefix = '_INBOX'): Promise<NatsConnection> =>
  connect({ servers: server.url, user: who.user, pass: who.password, inboxPrefix, reconnect: false });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-nats-'));
  // FORNAX_NATS_SOURCE lets one run of these tests after another try every way to a server.
  const source = NATS_SOURCES.find((name) => name === process.env['FORNAX_NATS_SOURCE']) ?? 'auto';
  binary = await provisionNats({ toolsDir: process.env['FORNAX_TOOLS_DIR'] ?? join(folder, 'tools'), source });
  server = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'] });
}, SLOW_MS);

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('an embedded NATS server', () => {
  it('refuses a client without a password', async () => {
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow();
  });

  it('keeps its passwords readable for the owner alone', async () => {
    for (const name of ['nats.json', 'nats.conf']) {
      expect((await stat(join(folder, 'nats', name))).mode & 0o777).toBe(0o600);
    }
  });

  it('writes down that it flushes before it acknowledges, when it can', async () => {
    const config = await readFile(join(folder, 'nats', 'nats.conf'), 'utf8');
    expect(config.includes('sync_interval: always')).toBe(server.warnings.length === 0);
  });

  it('lets a node take and acknowledge its own leases, and nothing of another', async () => {
    const services = await connectAs(server.credentials.services);
    const node = await connectAs(
      server.credentials.nodes['node-1'] ?? { user: '', password: '' },
      nodeInboxPrefix('node-1'),
    );
    try {
      const manager = await jetstreamManager(services);
      await manager.streams.add({ name: 'FX_DISPATCH', subjects: ['fx.dispatch.*'] });
      for (const name of ['node-1', 'node-2']) {
        await manager.consumers.add('FX_DISPATCH', {
          durable_name: name,
          filter_subject: `fx.dispatch.${name}`,
          ack_policy: 'explicit',
        });
        await jetstream(services).publish(`fx.dispatch.${name}`, `lease of ${name}`);
      }
      const own = await jetstream(node).consumers.getConsumerFromInfo?.(
        await manager.consumers.info('FX_DISPATCH', 'node-1'),
      );
      const lease = await own?.next({ expires: 5_000 });
      expect(lease?.string()).toBe('lease of node-1');
      expect(await lease?.ackAck()).toBe(true);
      await expect(
        node.request('$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-2', '{"batch":1}', { timeout: 1_000 }),
      ).rejects.toThrow(/permission/i);
      expect((await manager.consumers.info('FX_DISPATCH', 'node-2')).num_pending).toBe(1);
    } finally {
      await node.close();
      await services.close();
    }
  });

  it('keeps what it acknowledged and its passwords over a crash, on the same folder', async () => {
    const before = server.credentials.services.password;
    const services = await connectAs(server.credentials.services);
    await (await jetstreamManager(services)).streams.add({ name: 'KEPT', subjects: ['kept'] });
    await jetstream(services).publish('kept', 'a');
    await services.close();
    await server.kill();
    server = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'] });
    expect(server.credentials.services.password).toBe(before);
    const again = await connectAs(server.credentials.services);
    expect((await (await jetstreamManager(again)).streams.info('KEPT')).state.messages).toBe(1);
    await again.close();
  }, 60_000);

  it('ends a server that was left behind on the folder before it starts', async () => {
    const left = identify(server.pid);
    const next = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'] });
    expect(left !== undefined && isAlive(left)).toBe(false);
    expect(next.pid).not.toBe(server.pid);
    server = next;
    const now = identify(server.pid);
    await server.stop();
    expect(await waitUntil(() => now === undefined || !isAlive(now), { timeoutMs: 1_000 })).toBe(true);
  }, 60_000);
});
