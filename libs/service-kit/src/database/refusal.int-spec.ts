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
});
