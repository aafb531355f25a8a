import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { tellRebuilds } from './readiness.js';

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
