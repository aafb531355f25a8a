import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { tellRebuilds, waitUntilReady } from './readiness.js';

it('tells how far read models are that are folded anew, until they are there', async () => {
  const rebuilding = (sequence: number) => ({
    name: 'projection status',
    reason: `rebuilding, ${sequence} of 9: rows of before`,
  });
  const other = { name: 'quarantine', reason: 'one message' };
  const answers = [[rebuilding(3), other], [rebuilding(6)], [other]];
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ degraded: answers.shift() ?? [] }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const told: string[] = [];
  const { signal } = new AbortController();
  const options = { token: undefined, signal, everyMs: 1, onProgress: (text: string) => void told.push(text) };
  expect(await tellRebuilds(`http://127.0.0.1:${port}`, options)).toBe(1);
  expect(told).toEqual([3, 6].map((at) => `projection status: rebuilding, ${at} of 9: rows of before`));
  expect(await tellRebuilds(`http://127.0.0.1:${port}`, options)).toBe(0);
  await new Promise((closed) => server.close(closed));
});

it('waits for a person as long as that takes, and says once what to do', async () => {
  const gone = { reasons: [{ name: 'objects', reason: 'gone', ways: ['bring it back'] }] };
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.statusCode = asked < 3 ? 503 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(asked < 3 ? gone : { degraded: [] }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const said: (readonly string[])[] = [];
  const url = `http://127.0.0.1:${port}`;
  const rest = {
    token: undefined,
    onWaiting: () => undefined,
    onStopped: (lines: readonly string[]) => void said.push(lines),
  };
  expect(await waitUntilReady(url, { ...rest, timeoutMs: 0, signal: new AbortController().signal })).toEqual([]);
  expect(said).toEqual([['NOT READY (objects): gone. What to do, one of these:', '  (1) bring it back']]);
  await new Promise((closed) => server.close(closed));
});
