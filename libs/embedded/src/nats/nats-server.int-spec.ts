import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, connect } from '@nats-io/transport-node';
import { findFreePort } from '../process/free-port.js';
import { identify, isAlive } from '../process/process-table.js';
import { ensurePrivateFolder, writePrivateFile } from '../secret/secrets.js';
import { ServerProcess } from '../process/server-process.js';
import { waitUntil } from '../process/wait.js';
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
    const services = await connectAs(server.credentials.log);
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
    const before = server.credentials.log.password;
    const services = await connectAs(server.credentials.log);
    await (await jetstreamManager(services)).streams.add({ name: 'KEPT', subjects: ['kept'] });
    await jetstream(services).publish('kept', 'a');
    await services.close();
    await server.kill();
    server = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'] });
    expect(server.credentials.log.password).toBe(before);
    const again = await connectAs(server.credentials.log);
    expect((await (await jetstreamManager(again)).streams.info('KEPT')).state.messages).toBe(1);
    await again.close();
  }, 60_000);

  it('takes over the streams of a folder that an earlier version made, and refuses to choose between two', async () => {
    const dataDir = join(folder, 'earlier');
    const port = await findFreePort();
    await ensurePrivateFolder(dataDir);
    await writePrivateFile(
      join(dataDir, 'earlier.conf'),
      `host: "127.0.0.1"\nport: ${port}\njetstream { store_dir: ${JSON.stringify(join(dataDir, 'store'))} }\n` +
        'authorization { users: [ { user: "services", password: "p" } ] }\n',
    );
    const earlier = await ServerProcess.spawn(binary.path, {
      args: ['-c', join(dataDir, 'earlier.conf')],
      env: process.env,
      cwd: dataDir,
      logFile: join(dataDir, 'earlier.log'),
    });
    const url = `nats://127.0.0.1:${port}`;
    const old = await connect({ servers: url, user: 'services', pass: 'p', waitOnFirstConnect: true });
    const made = await jetstreamManager(old);
    await made.streams.add({ name: 'FORNAX_EVENTS', subjects: ['fx.ev.>'], deny_delete: true, deny_purge: true });
    await made.consumers.add('FORNAX_EVENTS', { durable_name: 'kept', ack_policy: 'explicit' });
    await jetstream(old).publish('fx.ev.task.1', 'a');
    await old.close();
    await earlier.stop([{ signal: 'SIGTERM', graceMs: 5_000 }]);

    const now = await startNats({ binary, dataDir });
    const { user, password } = now.credentials.log;
    const connection = await connect({ servers: now.url, user, pass: password });
    const manager = await jetstreamManager(connection);
    expect((await manager.streams.info('FORNAX_EVENTS')).state.messages).toBe(1);
    expect((await manager.consumers.info('FORNAX_EVENTS', 'kept')).num_pending).toBe(1);
    await connection.close();
    await now.stop();
    await mkdir(join(dataDir, 'store', 'jetstream', '$G', 'streams'), { recursive: true });
    await expect(startNats({ binary, dataDir })).rejects.toThrow(/Both .* hold streams/);
  }, 60_000);

  it('ends a server that was left behind on the folder before it starts', async () => {
    const left = identify(server.pid);
    const next = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'] });
    expect(left !== undefined && isAlive(left)).toBe(false);
    expect(next.pid).not.toBe(server.pid);
    server = next;
    const now = identify(server.pid);
    await server.stop();
    expect(await waitUntil(() => now === undefined || !isAlive(now), { timeoutMs: 30_000 })).toBe(true);
  }, 60_000);
});
