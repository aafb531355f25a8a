import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger, systemClock } from '@fornax/base';
import { loadNotifyConfig } from '../config/notify-config.js';
import { startReceiver, type Receiver } from './receiver.fixture.js';
import { newWebhookSecret } from './signature.js';
import { WebhookSender, type SendResult } from './webhook-sender.js';

const message = { id: 'evt_1_0', body: '{"type":"T","data":{}}' };
const NOT_ALLOWED = 'refused: it leads to no public address, and the operator has not allowed this destination';

interface Sending {
  readonly sender: WebhookSender;
  /** What the operator reads. */
  readonly log: string[];
  send(url: string): Promise<SendResult>;
}
const senderWith = (env: Readonly<Record<string, string>>): Sending => {
  const log: string[] = [];
  const logger = createLogger('test', 'info', { write: (line) => void log.push(line) });
  const sender = new WebhookSender(loadNotifyConfig(env), systemClock, logger);
  return { sender, log, send: (url) => sender.send(url, newWebhookSecret(), message) };
};
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
/** A port of this machine on which nobody listens any more. */
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
};

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

describe('a sender that may go to public addresses only', () => {
  const { sender, send, log } = senderWith({ FORNAX_WEBHOOK_TIMEOUT_MS: '300' });
  afterAll(() => sender.onApplicationShutdown());

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://a.localhost:80/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/',
    'http://[::1]/',
    'http://[::]/',
    'http://[0:0:0:0:0:ffff:7f00:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[fe80::1%25eth0]/',
    'http://2130706433/',
    'http://017700000001/',
    'http://0x7f.1/',
    'http://127.0.0.1./',
    'http://0/',
    'http://%31%32%37.0.0.1/',
    'http://93.184.216.34:25/',
    'file:///etc/passwd',
    'gopher://93.184.216.34/',
    'http://user:password@example.org/',
    'http://example.org@127.0.0.1/',
    'not a url',
  ])('does not go to %s', async (url) => {
    expect(sender.problemWith(url)).toEqual(expect.any(String));
    expect(await send(url)).toMatchObject({ ok: false, status: null });
  });

  it('goes to ordinary URLs', () => {
    for (const url of ['https://example.org/hook?x=1', 'http://93.184.216.34:8080/'])
      expect(sender.problemWith(url)).toBeUndefined();
  });

  it('tells a name that leads inside from one that does not exist by neither text nor time', async () => {
    const { port } = new URL(receiver.url);
    const answers: SendResult[] = [];
    for (const url of [`http://${hostname()}:${port}/`, `http://${hostname()}:1024/`, 'http://nobody.invalid/']) {
      expect(sender.problemWith(url)).toBeUndefined();
      const startedAt = performance.now();
      answers.push(await send(url));
      expect(performance.now() - startedAt).toBeGreaterThan(295);
    }
    expect(answers).toEqual(answers.map(() => ({ ok: false, status: null, error: NOT_ALLOWED, isFinal: false })));
    expect(receiver.received).toEqual([]);
    expect(log.join('')).toContain('127.0.0.1 port');
    expect(log.join('')).toContain('nobody.invalid');
  });
});

describe('a sender with destinations that the operator allows', () => {
  it('goes there, by address and by name, with the name in the request', async () => {
    const { port } = new URL(receiver.url);
    const byNetwork = senderWith({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: `127.0.0.0/8:${port}` });
    const byName = senderWith({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: `${hostname()}:${port}` });
    for (const url of [receiver.url, `http://${hostname()}:${port}/a`, `http://localhost:${port}/b`])
      expect(await byNetwork.send(url)).toEqual({ ok: true, status: 204 });
    expect(receiver.received.map(({ headers }) => headers['host'])).toContain(`${hostname()}:${port}`);
    expect(await byName.send(`http://${hostname()}:${port}/`)).toEqual({ ok: true, status: 204 });
    expect(byName.sender.problemWith(receiver.url)).toBe(NOT_ALLOWED);
    expect(byNetwork.sender.problemWith(`http://127.0.0.1:${Number(port) + 1}/`)).toBe(NOT_ALLOWED);
    for (const { sender } of [byName, byNetwork]) sender.onApplicationShutdown();
  });

  it('does not wait for ever, and tells no more than how it ended', async () => {
    const { sender, send, log } = senderWith({
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
      FORNAX_WEBHOOK_TIMEOUT_MS: '200',
    });
    receiver.answer(() => 'hang');
    expect(await send(receiver.url)).toMatchObject({ ok: false, error: 'timed out', status: null });
    for (const [status, isFinal] of [
      [500, false],
      [410, true],
    ] as const) {
      receiver.answer(() => status);
      const error = `answered with status ${status}`;
      expect(await send(receiver.url)).toEqual({ ok: false, status, error, isFinal });
    }
    receiver.answer(() => ({ redirect: 'http://169.254.169.254/' }));
    expect(await send(receiver.url)).toMatchObject({ status: 302, error: expect.stringContaining('not followed') });
    expect(log.join('')).not.toContain('/hook');
    sender.onApplicationShutdown();
  });

  it('tells what is closed from what speaks no TLS by neither text nor time', async () => {
    const { sender, send, log } = senderWith({
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
      FORNAX_WEBHOOK_TIMEOUT_MS: '300',
    });
    const mute = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    const rude = createServer((socket) => socket.on('error', () => undefined).end('go away\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await Promise.all([once(mute, 'listening'), once(rude, 'listening')]);
    const urls = [await closedPort(), portOf(mute), portOf(rude)].map((port) => `https://127.0.0.1:${port}/`);
    for (const url of urls) {
      const startedAt = performance.now();
      expect(await send(url)).toEqual({ ok: false, status: null, error: 'could not be delivered', isFinal: false });
      expect(performance.now() - startedAt).toBeGreaterThan(295);
    }
    expect(log.join('')).toContain('ECONNREFUSED');
    sender.onApplicationShutdown();
    for (const server of [mute, rude]) server.close();
  });

  it('reads no more of an answer than it has to', async () => {
    const { sender, send } = senderWith({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*' });
    let sent = 0;
    const endless = createServer((socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384, 'x'))) sent += 16_384;
      };
      socket.on('error', () => undefined).on('drain', more);
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        more();
      });
    }).listen(0, '127.0.0.1');
    await once(endless, 'listening');
    expect(await send(`http://127.0.0.1:${portOf(endless)}/`)).toEqual({ ok: true, status: 200 });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    sender.onApplicationShutdown();
    endless.close();
    await once(endless, 'close');
  });

  it('uses no proxy of the environment', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: receiver.url, http_proxy: receiver.url });
    try {
      const port = await closedPort();
      const { sender, send } = senderWith({
        FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: `127.0.0.1:${port}`,
        FORNAX_WEBHOOK_TIMEOUT_MS: '100',
      });
      receiver.answer(() => 204);
      expect(await send(`http://127.0.0.1:${port}/`)).toMatchObject({ ok: false, error: 'could not be delivered' });
      sender.onApplicationShutdown();
    } finally {
      process.env = before;
    }
  });
});

it('a list of destinations with a slip in it stops the service, by name', () => {
  expect(() => loadNotifyConfig({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '10.0.0.0/8' })).toThrow(
    /FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: "10.0.0.0\/8" is not host:ports/,
  );
});
