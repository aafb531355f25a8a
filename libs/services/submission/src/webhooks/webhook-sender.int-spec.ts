import { hostname } from 'node:os';
import { lookup } from 'node:dns/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@fornax/service-kit';
import { loadSubmissionConfig } from '../config/submission-config.js';
import { startReceiver, type Receiver } from './receiver.fixture.js';
import { newWebhookSecret } from './signature.js';
import { WebhookSender } from './webhook-sender.js';

const message = { id: 'evt_1_0', body: '{"type":"T","data":{}}' };

describe('a sender that may go to public addresses only', () => {
  const sender = new WebhookSender(loadSubmissionConfig({}), systemClock);
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  it.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://a.localhost:80/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0/',
    'file:///etc/passwd',
    'http://user:password@example.org/',
    'not a url',
  ])('does not go to %s', async (url) => {
    expect(sender.problemWith(url)).toEqual(expect.any(String));
    expect(await sender.send(url, newWebhookSecret(), message)).toMatchObject({ ok: false, status: null });
  });

  it('goes to ordinary URLs', () => {
    for (const url of ['https://example.org/hook?x=1', 'http://93.184.216.34:8080/'])
      expect(sender.problemWith(url)).toBeUndefined();
  });

  it('does not go where a name leads to a private address', async () => {
    const name = hostname();
    const { address } = await lookup(name);
    expect(sender.problemWith(`http://${name}/`)).toBeUndefined();
    const port = new URL(receiver.url).port;
    const result = await sender.send(`http://${name}:${port}/`, newWebhookSecret(), message);
    expect({ address, result }).toMatchObject({ result: { ok: false, error: 'the address is not a public one' } });
    expect(receiver.received).toEqual([]);
  });
});

describe('a sender', () => {
  const config = loadSubmissionConfig({ FORNAX_WEBHOOK_ALLOW_PRIVATE: '1', FORNAX_WEBHOOK_TIMEOUT_MS: '100' });
  const sender = new WebhookSender(config, systemClock);
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  it('does not wait for ever, and says what went wrong', async () => {
    receiver.answer(() => 'hang');
    const secret = newWebhookSecret();
    expect(await sender.send(receiver.url, secret, message)).toMatchObject({
      ok: false,
      error: 'no answer within 100 ms',
    });
    receiver.answer(() => 500);
    expect(await sender.send(receiver.url, secret, message)).toMatchObject({ ok: false, status: 500, isFinal: false });
    receiver.answer(() => 410);
    expect(await sender.send(receiver.url, secret, message)).toMatchObject({ ok: false, status: 410, isFinal: true });
    expect(await sender.send('http://127.0.0.1:1/', secret, message)).toMatchObject({ ok: false, status: null });
  });
});
