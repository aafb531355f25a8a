import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { shareOf, trustedProxies } from './peers.js';

const from = (remoteAddress: string, forwarded?: string): IncomingMessage =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('who sent a request', () => {
  it.each([
    ['', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['loopback', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['loopback', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['loopback', '::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['loopback', '::1', '6.6.6.6, 198.51.100.1', '198.51.100.1'],
    ['loopback,10.0.0.0/8', '127.0.0.1', '6.6.6.6, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['private', '172.20.0.5', '2001:db8::1', '2001:db8::1'],
    ['loopback', '127.0.0.1', 'nonsense', '127.0.0.1'],
    ['loopback', '127.0.0.1', undefined, '127.0.0.1'],
    ['2001:db8::/32', '2001:db8::5', '198.51.100.1', '198.51.100.1'],
  ])('trusting "%s", a request of %s for %s is of %s', (trusted, remote, forwarded, peer) =>
    expect(trustedProxies(trusted).of(from(remote, forwarded))).toBe(peer),
  );

  it.each(['here', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.1/x'])('refuses the setting %s', (text) =>
    expect(() => trustedProxies(text)).toThrow('FORNAX_TRUSTED_PROXIES'),
  );

  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('counts %s under %s', (address, share) => expect(shareOf(address)).toBe(share));
});
