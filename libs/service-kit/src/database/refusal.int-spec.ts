import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createServiceDataSource } from '@fornax/projections';
import { createTestDatabase, startTestNats } from '@fornax/testing';
import { connectAs } from '../run/connect-as.js';
import { refusalOf } from './refusal.js';

describe('a server that refuses a password', () => {
  it('is PostgreSQL: the setting is named, the password is not', async () => {
    const database = await createTestDatabase();
    const url = new URL(database.url);
    url.password = 'guessed';
    const opened = createServiceDataSource({ url: url.href, schema: 'test', migrations: [] }).catch(
      refusalOf(url.href),
    );
    await expect(opened).rejects.toThrow(
      /^(?![^]*guessed)[^]*FORNAX_DATABASE_URL: PostgreSQL at 127\.0\.0\.1[^]*password/,
    );
    await database.drop();
  });

  it('is PostgreSQL with damaged files at a start, too: what to do is said at once', () => {
    const damage = Object.assign(new Error('could not read block 5'), { code: 'XX001' });
    const queryFailed = Object.assign(new Error('query failed'), { driverError: damage });
    expect(() => refusalOf('postgres://somewhere/db')(queryFailed)).toThrow(/could not read block 5[^]*empty database/);
  });

  it('is NATS: the settings are named, the password is not', async () => {
    const nats = await startTestNats();
    try {
      await expect(connectAs('test', { url: nats.url, user: nats.user, password: 'guessed' })).rejects.toThrow(
        /^(?![^]*guessed)[^]*FORNAX_NATS_USER, FORNAX_NATS_PASSWORD: the NATS server/,
      );
    } finally {
      await nats.stop();
    }
  });

  it('is not a NATS server that was too busy to look at it: the service tries again', async () => {
    const nats = await startTestNats();
    let connections = 0;
    const busyAtFirst = createServer((client) => {
      connections += 1;
      if (connections === 1) {
        const info = { version: '2.12.0', proto: 1, auth_required: true, max_payload: 1024, headers: true };
        client.write(`INFO ${JSON.stringify(info)}\r\n`);
        client.once('data', () => client.end("-ERR 'Authentication Timeout'\r\n"));
        return;
      }
      const server = connect(Number(new URL(nats.url).port), '127.0.0.1');
      client.pipe(server).pipe(client);
      client.on('error', () => server.destroy());
    });
    await once(busyAtFirst.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = busyAtFirst.address() as AddressInfo;
      const url = `nats://127.0.0.1:${port}`;
      const nc = await connectAs('test', { url, user: nats.user, password: nats.password });
      expect(connections).toBeGreaterThan(1);
      await nc.close();
    } finally {
      busyAtFirst.close();
      await nats.stop();
    }
  });
});
