import { expect, it } from '@jest/globals';

import { assertMayBeRemote } from './server-version.js';

it.each([
  'nats://127.0.0.1:4222',
  'nats://localhost:4222',
  'nats://[::1]:4222',
  'nats://127.0.0.1:1,nats://127.0.0.1:2',
])('starts on the machine of the platform with any server: %s', (url) =>
  expect(() => assertMayBeRemote(url, '2.9.25')).not.toThrow(),
);

it.each([
  'nats://10.0.0.7:4222',
  'tls://nats.example.org',
  'nats://127.0.0.1:1,nats://10.0.0.7:2',
  'nats://127.0.0.1.example.org:1',
])('starts elsewhere only with a server that can take access back: %s', (url) => {
  expect(() => assertMayBeRemote(url, '2.9.25')).toThrow(/2\.9\.25.*2\.10 or later/);
  expect(() => assertMayBeRemote(url, '')).toThrow(/2\.10 or later/);
  expect(() => assertMayBeRemote(url, '2.10.0')).not.toThrow();
  expect(() => assertMayBeRemote(url, '2.15.2')).not.toThrow();
  expect(() => assertMayBeRemote(url, '3.0.0')).not.toThrow();
});
