import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  heartbeatSubject,
  joinReplySchema,
  nodeJoinedSchema,
  nodeRpcSubject,
  nodeUser,
  type FornaxEvent,
} from '@fornax/contracts';
import { JetStreamLog, connectNats, createNkey, type Nkey } from '@fornax/event-store';
import { LOGGER } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { Sealer, hashToken } from '@fornax/identity';
import { RpcClient, newId, systemClock } from '@fornax/base';
import { aCommit, aHardware, createTestDatabase, eventually, type TestDatabase } from '@fornax/testing';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import type { Logger } from 'pino';
import { startCalloutServer, type CalloutServer } from './credentials/callout-server.fixture.js';
import { NodeConnections } from './credentials/node-connections.js';
import { Fleet } from './fleet/fleet.js';
import { NodeCommands } from './fleet/node-commands.js';
import { NodeRegistryModule } from './node-registry.module.js';

const SLOW_MS = 120_000;
/** A slow machine answers late; whoever does not answer at all fails at once. */
const ANSWER_MS = 30_000;
const MASTER_KEY = Buffer.alloc(32, 9);
const TOKENS = { operator: 'token-of-an-operator', user: 'token-of-a-user' } as const;

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

let server: CalloutServer;
let database: TestDatabase;
let nc: NatsConnection;
let log: JetStreamLog;
let app: TestApp;
const open: NatsConnection[] = [];

beforeAll(async () => {
  [server, database] = await Promise.all([startCalloutServer(), createTestDatabase()]);
  nc = await connectNats({ url: server.url, ...server.services, name: 'spec' });
  log = await JetStreamLog.open(nc);
  const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
  for (const role of ['operator', 'user'] as const) {
    const email = `${role}@example.org`;
    const about = { accountId: role, email, role, at: 1 };
    const sealedSecret = new Sealer(MASTER_KEY).sealWithMaster(TOKENS[role]);
    const token = { tokenId: role, name: 'spec', hash: hashToken(TOKENS[role]), sealedSecret };
    await log.append(
      'account',
      role,
      aCommit<FornaxEvent>(newId(), [
        { type: 'AccountCreated', ...about, quotas },
        { type: 'TokenIssued', ...about, ...token },
      ]),
      0,
    );
  }
  process.env['FORNAX_NATS_ISSUER_SEED'] = server.issuer.seed;
  process.env['FORNAX_PUBLIC_NATS_URL'] = server.url;
  process.env['FORNAX_NODE_GRACE_MS'] = '60000';
  app = await createTestApp(NodeRegistryModule, {
    name: 'node-registry',
    env: {
      FORNAX_NATS_URL: server.url,
      FORNAX_NATS_USER: server.services.user,
      FORNAX_NATS_PASSWORD: server.services.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_PUBLIC_STORAGE_URL: 'http://storage.example:9000',
      FORNAX_LOG_LEVEL: 'silent',
    },
  });
}, SLOW_MS);

afterAll(async () => {
  delete process.env['FORNAX_NATS_ISSUER_SEED'];
  delete process.env['FORNAX_PUBLIC_NATS_URL'];
  await Promise.all(open.map((one) => one.close()));
  await app.close();
  log.close();
  await nc.close();
  await server.stop();
  await database.drop();
}, SLOW_MS);

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const call = async (method: string, path: string, token: string | undefined, body?: unknown): Promise<Answer> => {
  const answer = await fetch(`${app.url}/fornax/v1/nodes${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
};

const newTokenSchema = z.object({ id: z.string(), token: z.string(), status: z.string() });
const makeToken = async (wanted: object = {}): Promise<z.output<typeof newTokenSchema>> => {
  const { status, body } = await call('POST', '/tokens', TOKENS.operator, wanted);
  expect(status).toBe(200);
  return newTokenSchema.parse(body);
};

const listTokens = async () =>
  z
    .array(z.looseObject({ id: z.string(), status: z.string() }))
    .parse((await call('GET', '/tokens', TOKENS.operator)).body);

const joinWith = (token: string, name: string, key: Nkey): Promise<Answer> =>
  call('POST', '/join', token, { name, publicKey: key.publicKey });

const admitted = async (name: string): Promise<Nkey> => {
  const key = createNkey('user');
  const { token } = await makeToken();
  expect((await joinWith(token, name, key)).status).toBe(200);
  return key;
};

/** One try, as a client would: no second chance. */
const tryConnect = async (user: string, key: Nkey): Promise<NatsConnection> => {
  const connection = await connect({
    servers: server.url,
    inboxPrefix: `_INBOX_${user.replace('node:', '')}`,
    reconnect: false,
    timeout: 10_000,
    authenticator: (nonce?: string) => ({
      user,
      nkey: key.publicKey,
      sig: key.sign(Buffer.from(nonce ?? '')).toString('base64url'),
    }),
  });
  open.push(connection);
  return connection;
};
const connectAs = (nodeId: string, key: Nkey): Promise<NatsConnection> => tryConnect(nodeUser(nodeId), key);

const asks = (connection: NatsConnection, nodeId: string, bootId = 'boot-1') =>
  new RpcClient(connection, ANSWER_MS).request(
    nodeRpcSubject(nodeId, 'join'),
    { nodeId, bootId, driver: 'process', warnings: [], hardware: aHardware() },
    joinReplySchema,
  );

const typesOf = async (nodeId: string): Promise<readonly string[]> =>
  (await log.readAggregate('node', nodeId)).flatMap(({ events }) => events.map(({ type }) => type));

describe('a machine becomes a node', () => {
  it(
    'with a one-time token; its key opens a connection that may do what a node may, and no more',
    async () => {
      const { token } = await makeToken({ reason: 'a farm' });
      const key = createNkey('user');
      const joined = await joinWith(token, 'gpu-a', key);
      expect(joined.status).toBe(200);
      expect(nodeJoinedSchema.parse(joined.body)).toMatchObject({
        nodeId: 'gpu-a',
        natsUrl: server.url,
        storageUrl: 'http://storage.example:9000',
      });
      const connection = await connectAs('gpu-a', key);
      expect((await asks(connection, 'gpu-a')).nodeEpoch).toBe(1);
      await expect(asks(connection, 'node-1')).rejects.toThrow();
      for (const subject of [
        ...['$SYS.REQ.USER.AUTH', '$SYS.REQ.SERVER.PING.CONNZ', 'fx.ev.node.gpu-a', '$JS.API.STREAM.NAMES'],
        ...['$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-1', heartbeatSubject('node-1')],
      ])
        await expect(connection.request(subject, '{}', { timeout: 1_000 })).rejects.toThrow(/permissions violation/i);
      const [violation] = await Promise.all([connection.closed().catch(() => undefined), connection.close()]);
      expect(violation).toBeUndefined();
    },
    SLOW_MS,
  );

  it(
    'once for each token, however many ask at the same time',
    async () => {
      const { token, id } = await makeToken();
      const names = Array.from({ length: 8 }, (_, index) => `race-${index}`);
      const answers = await Promise.all(names.map((name) => joinWith(token, name, createNkey('user'))));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(403)]);
      const issued = await Promise.all(names.map(typesOf));
      expect(issued.flat()).toEqual(['NodeCredentialIssued']);
      const listed = await eventually(async () => {
        const all = await listTokens();
        return all.find((one) => one.id === id)?.status === 'used' && all;
      });
      expect(JSON.stringify(listed)).not.toContain(token.slice(-43));
    },
    SLOW_MS,
  );

  it(
    'gets the same answer again when it was lost, and a replay by anybody else opens nothing',
    async () => {
      const { token } = await makeToken();
      const key = createNkey('user');
      expect((await joinWith(token, 'lost-answer', key)).status).toBe(200);
      expect((await joinWith(token, 'lost-answer', key)).status).toBe(200);
      expect(await joinWith(token, 'lost-answer', createNkey('user'))).toMatchObject({ status: 403 });
      expect(await typesOf('lost-answer')).toEqual(['NodeCredentialIssued']);
      expect((await call('DELETE', '/lost-answer/credentials', TOKENS.operator)).status).toBe(200);
      expect(await joinWith(token, 'lost-answer', key)).toMatchObject({ status: 403 });
      await expect(connectAs('lost-answer', key)).rejects.toThrow(/authorization/i);
    },
    SLOW_MS,
  );

  it(
    'not with a token that is wrong, over, revoked or for another name, nor under a name that is taken or no name',
    async () => {
      const key = createNkey('user');
      const { token, id } = await makeToken();
      const guess = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
      const wrong = { status: 401, body: { message: 'Bad authentication token' } };
      for (const text of ['', 'x', guess, `fnt_${newId()}_${'a'.repeat(43)}`])
        expect(await joinWith(text, 'a', key)).toMatchObject(wrong);
      for (const text of Object.values(TOKENS)) expect(await joinWith(text, 'a', key)).toMatchObject({ status: 403 });
      const named = await makeToken({ name: 'bound' });
      expect(await joinWith(named.token, 'other', key)).toMatchObject({ status: 403 });
      await admitted('taken');
      expect(await joinWith(token, 'taken', key)).toMatchObject({ status: 409 });
      for (const name of [
        'node-1',
        '*',
        '>',
        'a.b',
        'services',
        'tokens',
        'a'.repeat(64),
        'ü',
        'A',
        '',
        '../x',
        'node:a',
      ])
        expect({ name, ...(await joinWith(token, name, key)) }).toMatchObject({
          name,
          status: name === 'services' ? 200 : 400,
        });
      const short = await makeToken({ expiresInSeconds: 1 });
      await eventually(async () =>
        (await listTokens()).some((listed) => listed.id === short.id && listed.status === 'expired'),
      );
      expect(await joinWith(short.token, 'late', key)).toMatchObject({ status: 403 });
      const revoked = await makeToken();
      expect((await call('DELETE', `/tokens/${revoked.id}`, TOKENS.operator)).status).toBe(200);
      expect(await joinWith(revoked.token, 'b', key)).toMatchObject({ status: 403 });
      expect((await call('DELETE', `/tokens/${id}`, TOKENS.operator)).status).toBe(409);
      expect((await call('DELETE', `/tokens/${newId()}`, TOKENS.operator)).status).toBe(404);
      expect((await call('DELETE', '/tokens/x', TOKENS.operator)).status).toBe(400);
    },
    SLOW_MS,
  );

  it(
    'looks at the token before it reads anything of the body',
    async () => {
      const nested = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
      expect((await call('POST', '/join', 'wrong', nested)).status).toBe(401);
      expect((await call('POST', '/join', undefined, '{')).status).toBe(401);
      const { token } = await makeToken();
      expect((await call('POST', '/join', token, '{')).status).toBe(400);
      expect((await call('POST', '/join', token)).status).toBe(400);
      expect((await call('POST', '/join', token, { name: 'a', publicKey: `U${'A'.repeat(55)}` })).status).toBe(400);
    },
    SLOW_MS,
  );

  it(
    'only when an operator wants it',
    async () => {
      for (const [method, path] of [
        ...([
          ['POST', '/tokens'],
          ['GET', '/tokens'],
          ['DELETE', `/tokens/${newId()}`],
        ] as const),
        ...([
          ['POST', '/gpu-a/credentials/rotate'],
          ['DELETE', '/gpu-a/credentials'],
        ] as const),
      ]) {
        expect((await call(method, path, TOKENS.user)).status).toBe(403);
        expect((await call(method, path, undefined)).status).toBe(401);
      }
      expect((await call('DELETE', '/nobody/credentials', TOKENS.operator)).status).toBe(404);
      expect((await call('POST', '/tokens', TOKENS.operator, { name: '*' })).status).toBe(400);
      expect((await call('POST', '/tokens', TOKENS.operator, { expiresInSeconds: 1e12 })).status).toBe(400);
    },
    SLOW_MS,
  );
});

describe('who connects', () => {
  it(
    'is refused with another key, another name, no signature, or a name of the configuration',
    async () => {
      const key = await admitted('who');
      const other = createNkey('user');
      const refused = /authorization/i;
      await expect(connectAs('who', other)).rejects.toThrow(refused);
      await expect(connectAs('nobody', key)).rejects.toThrow(refused);
      await expect(connectAs('gpu-a', key)).rejects.toThrow(refused);
      const forger = { ...other, publicKey: key.publicKey };
      await expect(connectAs('who', forger)).rejects.toThrow(refused);
      for (const user of [
        'who',
        'services',
        'node-1',
        '',
        'node:',
        'node:*',
        'node:>',
        'node:who.who',
        'node:services',
      ])
        await expect(tryConnect(user, key)).rejects.toThrow(refused);
      await expect(
        connect({ servers: server.url, user: nodeUser('who'), pass: 'x', reconnect: false }),
      ).rejects.toThrow(refused);
      await (await connectAs('who', key)).close();
    },
    SLOW_MS,
  );

  it(
    'changes to its next key, and the old one is void once the new one was used',
    async () => {
      const [first, next] = [await admitted('turns'), createNkey('user')];
      const connection = await connectAs('turns', first);
      expect((await asks(connection, 'turns')).rotate).toBeUndefined();
      expect((await call('POST', '/turns/credentials/rotate', TOKENS.operator)).status).toBe(200);
      expect((await asks(connection, 'turns')).rotate).toBe(true);
      const request = { nodeId: 'turns', publicKey: next.publicKey };
      const subject = nodeRpcSubject('turns', 'rotate');
      await new RpcClient(connection, ANSWER_MS).request(subject, request, z.object({}));
      expect((await asks(connection, 'turns')).rotate).toBeUndefined();
      await (await connectAs('turns', first)).close();
      const second = await connectAs('turns', next);
      await expect(connectAs('turns', first)).rejects.toThrow(/authorization/i);
      expect(await typesOf('turns')).toEqual([
        ...['NodeCredentialIssued', 'NodeJoined', 'NodeRotationRequested', 'NodeCredentialIssued'],
        'NodeCredentialRotated',
      ]);
      await second.close();
    },
    SLOW_MS,
  );

  it(
    'is cut off at once when it is revoked, and neither comes back nor joins again',
    async () => {
      const key = await admitted('revoked');
      const connection = await connectAs('revoked', key);
      await asks(connection, 'revoked');
      const closed = connection.closed();
      const revoked = await call('DELETE', '/revoked/credentials', TOKENS.operator);
      expect(revoked).toMatchObject({ status: 200, body: { nodeId: 'revoked', connectionsEnded: 1 } });
      await closed;
      await expect(connectAs('revoked', key)).rejects.toThrow(/authorization/i);
      expect(await typesOf('revoked')).toEqual([
        ...['NodeCredentialIssued', 'NodeJoined', 'NodeCredentialsRevoked', 'NodeLost'],
      ]);
      await expect(asks(nc, 'revoked', 'boot-2')).rejects.toMatchObject({ code: 'node-revoked' });
      expect((await call('GET', '/revoked', TOKENS.operator)).body).toMatchObject({
        status: 'lost',
        lostCause: 'revoked',
        credential: { status: 'revoked' },
      });
      // Another machine may take its place, with a token made for that.
      const { token } = await makeToken({ name: 'revoked' });
      const again = createNkey('user');
      expect((await joinWith(token, 'revoked', again)).status).toBe(200);
      await (await connectAs('revoked', again)).close();
    },
    SLOW_MS,
  );

  it('is cut off at once when the node is retired', async () => {
    const key = await admitted('retired');
    const connection = await connectAs('retired', key);
    await asks(connection, 'retired');
    expect((await call('POST', '/retired/retire', TOKENS.operator)).status).toBe(200);
    expect(connection.isClosed() || (await connection.closed(), true)).toBe(true);
    await expect(connectAs('retired', key)).rejects.toThrow(/authorization/i);
  }, 60_000);
});

describe('a replica that has not folded the log yet', () => {
  /** As it is right after its start: it knows no node. */
  const replica = () => {
    const fleet = new Fleet();
    const commands = new NodeCommands(log, systemClock, fleet, app.app.get<Logger>(LOGGER));
    return { fleet, commands, connections: new NodeConnections(nc, app.app.get<Logger>(LOGGER), fleet, commands) };
  };

  it(
    'ends no connection whose key is good, and still one whose key is void',
    async () => {
      const good = await connectAs('folded-late', await admitted('folded-late'));
      const { commands, connections } = replica();
      expect(await commands.hasCaughtUp()).toBe(false);
      expect(await connections.endVoid('folded-late', [0])).toBe(0);
      await good.flush();
      await commands.execute('folded-late', { type: 'RevokeCredentials' }, { by: 'service:spec' });
      const ended = good.closed();
      expect(await replica().connections.endVoid('folded-late', [0])).toBe(1);
      await ended;
    },
    SLOW_MS,
  );

  it('knows when it has folded all that the log tells of nodes', async () => {
    const { fleet, commands } = replica();
    for await (const batch of log.read({ from: 1 })) for (const commit of batch) fleet.fold(commit);
    expect(await commands.hasCaughtUp()).toBe(true);
  });
});
