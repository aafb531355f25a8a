import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call, expectOk } from './call.js';
import { platform } from './platform.js';

const { token } = platform;
const WEBHOOKS = '/fornax/v1/webhooks';
const hosts = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0177.0.0.1',
  '0',
  'localhost',
  'LOCALHOST.',
  'x.localhost',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fe80::1]',
  '[fd00:ec2::254]',
  '169.254.169.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
];

let server: Server;
let port = 0;
let connections = 0;
const made: string[] = [];

beforeAll(async () => {
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0);
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  for (const id of made) await call('DELETE', `${WEBHOOKS}/${id}`, { token });
  server.close();
  await once(server, 'close');
});

interface Tried {
  readonly ok: boolean;
  readonly status: number | null;
  readonly error: string;
  readonly durationMs: number;
}
/** Registers a webhook and has it tried out. */
const tryOut = async (url: string): Promise<Tried> => {
  const { id } = await expectOk<{ id: string }>('POST', WEBHOOKS, { token, body: { url, types: ['TaskDeleted'] } });
  made.push(id);
  return expectOk('POST', `${WEBHOOKS}/${id}/test`, { token });
};

describe('a user with a webhook', () => {
  it.each(hosts)('cannot name %s, whatever listens there', async (host) => {
    const answers = [];
    for (const at of [port, 1]) {
      const { status, text } = await call('POST', WEBHOOKS, { token, body: { url: `http://${host}:${at}/` } });
      answers.push({ status, text: text.replace(/"traceId":"\w+"/, '') });
    }
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
    expect(answers[0]?.text).not.toMatch(/ECONN|ENOTFOUND|127\.0\.0\.1/);
  });

  it('cannot tell an open port from a closed one, nor an internal name from none, by text or by time', async () => {
    const tried: Tried[] = [];
    for (const url of [`http://${hostname()}:${port}/`, `https://${hostname()}:1/`, 'http://no-such-name.invalid/'])
      tried.push(await tryOut(url));
    const [{ error = '' } = {}] = tried;
    expect(error).toMatch(/^refused/);
    for (const one of tried) {
      expect(one).toMatchObject({ ok: false, status: null, error });
      expect(one.durationMs).toBeGreaterThanOrEqual(1_990);
    }
    expect(connections).toBe(0);
  });
});
