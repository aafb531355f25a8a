import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  dispatchConsumer,
  eventSubject,
  heartbeatSubject,
  liveSubject,
  nodeJoinedSchema,
  nodeRpcSubject,
  nodeUser,
  reportSubject,
  STREAMS,
} from '@fornax/contracts';
import { connectNats, createNkey, type Nkey } from '@fornax/event-store';
import { call, expectOk, type Answer } from './call.js';
import { platform } from './platform.js';

const SLOW_MS = 60_000;
const { token: operator } = platform;
const REFUSED = /authorization|authentication/i;

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const makeToken = async (body: object = {}): Promise<string> =>
  (await expectOk<{ token: string }>('POST', '/fornax/v1/nodes/tokens', { token: operator, body })).token;
const joinAs = (token: string, name: string, key: Nkey): Promise<Answer> =>
  call('POST', '/fornax/v1/nodes/join', { headers: bearer(token), body: { name, publicKey: key.publicKey } });
const newName = (): string => `stranger-${randomUUID().slice(0, 8)}`;

const connectWith = (url: string, user: string, key: Nkey) =>
  connectNats({
    url,
    name: 'a stranger',
    inboxPrefix: `_INBOX_${user.replace('node:', '')}`,
    credentials: () => ({ user, key }),
  });

const joined = async () => {
  const [name, key] = [newName(), createNkey('user')];
  const answer = await joinAs(await makeToken(), name, key);
  expect(answer.status).toBe(200);
  const { natsUrl: url } = nodeJoinedSchema.parse(JSON.parse(answer.text));
  return { name, key, url };
};

describe('a machine that wants to be a node', () => {
  it(
    'gets in with one token once, and a recorded join played again by somebody else opens nothing',
    async () => {
      const token = await makeToken();
      const [name, key] = [newName(), createNkey('user')];
      const first = await joinAs(token, name, key);
      expect(first.status).toBe(200);
      const { natsUrl: url } = nodeJoinedSchema.parse(JSON.parse(first.text));
      expect(first.text).not.toMatch(/S[UA][A-Z2-7]{56}|password/i);
      // The same bytes again answer the same, which is of no use without the key; anything else is refused.
      expect((await joinAs(token, name, key)).status).toBe(200);
      expect((await joinAs(token, name, createNkey('user'))).status).toBe(403);
      expect((await joinAs(token, newName(), key)).status).toBe(403);
      await expect(connectWith(url, nodeUser(name), createNkey('user'))).rejects.toThrow(REFUSED);
      await (await connectWith(url, nodeUser(name), key)).close();
    },
    SLOW_MS,
  );

  it(
    'learns nothing by guessing tokens, and the front door stays open meanwhile',
    async () => {
      const token = await makeToken();
      const key = createNkey('user');
      const guesses = [
        ...[
          '',
          'x',
          'fnt_',
          `fnt_${randomUUID()}_${'A'.repeat(43)}`,
          `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
        ],
        ...[token.toUpperCase(), `${token}x`, token.slice(1)],
      ];
      const answers = await Promise.all(guesses.map((guess) => joinAs(guess, newName(), key)));
      // 429 is the front door's answer to many wrong tokens of one peer.
      for (const { status } of answers) expect([401, 429]).toContain(status);
      expect(new Set(answers.filter(({ status }) => status === 401).map(({ text }) => text)).size).toBeLessThanOrEqual(
        1,
      );
      // A token of the API is a right one, for something else.
      expect((await joinAs(operator, newName(), key)).status).toBe(403);
      expect((await joinAs(token, newName(), key)).status).toBe(200);
    },
    SLOW_MS,
  );

  it.each([
    'node-1',
    'node-2',
    '*',
    '>',
    'a.b',
    'node:x',
    '_INBOX',
    '$SYS',
    'ü',
    'A',
    `${'a'.repeat(64)}`,
    '../x',
    'a b',
    '',
  ])('cannot be called %j', async (name) =>
    expect((await joinAs(await makeToken(), name, createNkey('user'))).status).toBe(400),
  );

  it(
    'cannot take the name of another one',
    async () => {
      const { name } = await joined();
      expect((await joinAs(await makeToken(), name, createNkey('user'))).status).toBe(409);
      expect((await joinAs(await makeToken({ name: newName() }), name, createNkey('user'))).status).toBe(409);
    },
    SLOW_MS,
  );
});

describe('a node that joined', () => {
  it(
    'reaches its own subjects alone: neither another node, nor the log, nor the server, nor the question who may connect',
    async () => {
      const { name, key, url } = await joined();
      const nc = await connectWith(url, nodeUser(name), key);
      try {
        const own = await nc.request(nodeRpcSubject(name, 'leave'), JSON.stringify({ nodeId: name, nodeEpoch: 0 }), {
          timeout: 5_000,
        });
        expect(own.json()).toEqual({ ok: {} });
        for (const subject of [
          ...[reportSubject('node-1'), heartbeatSubject('node-1'), liveSubject('node-1')],
          ...(['join', 'leave', 'rotate', 'grant'] as const).map((method) => nodeRpcSubject('node-1', method)),
          ...[eventSubject('task', 'x'), eventSubject('node', name), '$JS.API.INFO', '$JS.API.STREAM.NAMES'],
          ...[`$JS.API.STREAM.DELETE.${STREAMS.events}`, `$JS.API.STREAM.PURGE.${STREAMS.dispatch}`],
          ...[`$JS.API.CONSUMER.MSG.NEXT.${STREAMS.dispatch}.${dispatchConsumer('node-1')}`],
          ...[
            '$SYS.REQ.USER.AUTH',
            '$SYS.REQ.SERVER.PING.CONNZ',
            '$SYS.REQ.SERVER.PING',
            '$SYS.REQ.ACCOUNT.PING.CONNZ',
          ],
        ])
          await expect(nc.request(subject, '{}', { timeout: 2_000 })).rejects.toThrow(/permissions violation/i);
        for (const subject of ['>', 'fx.>', '$SYS.>', '_INBOX.>', '_INBOX_node-1.>', 'fx.hb.*', '$SYS.REQ.USER.AUTH']) {
          const heard = (async () => {
            for await (const message of nc.subscribe(subject)) throw new Error(`heard ${message.subject}`);
          })();
          await expect(heard).rejects.toThrow(/permissions violation/i);
        }
      } finally {
        await nc.close();
      }
    },
    SLOW_MS,
  );

  it(
    'is refused under any other name, and with no signature of its own',
    async () => {
      const { name, key, url } = await joined();
      for (const user of [
        '',
        name,
        'node-1',
        'node:node-1',
        'service/platform',
        'service/node-registry',
        'node:*',
        'node:>',
      ])
        await expect(connectWith(url, user, key)).rejects.toThrow(REFUSED);
      await expect(
        connectWith(url, nodeUser(name), { ...createNkey('user'), publicKey: key.publicKey }),
      ).rejects.toThrow(REFUSED);
      await expect(connectNats({ url, name: 'x', user: nodeUser(name), password: key.seed })).rejects.toThrow(REFUSED);
      await expect(connectNats({ url, name: 'x' })).rejects.toThrow(REFUSED);
    },
    SLOW_MS,
  );

  it(
    'is cut off at once when it is revoked, whichever of its connections, and does not come back with an old join',
    async () => {
      const token = await makeToken();
      const [name, key] = [newName(), createNkey('user')];
      const { natsUrl: url } = nodeJoinedSchema.parse(JSON.parse((await joinAs(token, name, key)).text));
      const connections = await Promise.all([1, 2].map(() => connectWith(url, nodeUser(name), key)));
      const cut = Promise.all(
        connections.map(async (nc) => {
          for await (const status of nc.status()) if (status.type === 'disconnect') return;
        }),
      );
      const revoked = await expectOk<{ connectionsEnded: number }>('DELETE', `/fornax/v1/nodes/${name}/credentials`, {
        token: operator,
      });
      expect(revoked.connectionsEnded).toBeGreaterThanOrEqual(2);
      await cut;
      await Promise.all(connections.map((nc) => nc.close()));
      await expect(connectWith(url, nodeUser(name), key)).rejects.toThrow(REFUSED);
      expect((await joinAs(token, name, key)).status).toBe(403);
    },
    SLOW_MS,
  );
});
