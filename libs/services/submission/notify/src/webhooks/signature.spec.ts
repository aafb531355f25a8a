import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { newWebhookSecret, signedHeaders } from './signature.js';

describe('a signed webhook', () => {
  const seconds = Math.floor(Date.now() / 1_000);

  it('is accepted by the reference implementation', () => {
    const secret = newWebhookSecret();
    const body = JSON.stringify({ type: 'TaskSubmitted', data: { name: 'Ünïcode ☃' } });
    expect(new Webhook(secret).verify(body, signedHeaders(secret, '7.0', seconds, body))).toEqual(JSON.parse(body));
  });

  it('is refused when anything was changed', () => {
    const secret = newWebhookSecret();
    const headers = signedHeaders(secret, '7.0', seconds, '{"a":1}');
    const verifier = new Webhook(secret);
    expect(() => verifier.verify('{"a":2}', headers)).toThrow();
    expect(() => verifier.verify('{"a":1}', { ...headers, 'webhook-id': '8.0' })).toThrow();
    expect(() => verifier.verify('{"a":1}', { ...headers, 'webhook-timestamp': String(seconds + 1) })).toThrow();
    expect(() => new Webhook(newWebhookSecret()).verify('{"a":1}', headers)).toThrow();
  });
});
