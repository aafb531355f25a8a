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

const answersOf = async (answers: readonly object[], wait: (url: string) => Promise<void>): Promise<void> => {
  let asked = 0;
  const server = createServer((_, response) => {
    const answer = answers[asked++];
    response.statusCode = answer === undefined ? 200 : 503;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer ?? { degraded: [] }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  await wait(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).finally(
    () => new Promise((closed) => server.close(closed)),
  );
};
const waiting = { token: undefined, onWaiting: () => undefined, signal: new AbortController().signal };
const reason = (more: object): object => ({ reasons: [{ name: 'objects', ...more }] });

it('waits for a person as long as that takes, and says once what to do', async () => {
  const gone = reason({ reason: 'gone', ways: ['bring it back'] });
  const said: (readonly string[])[] = [];
  await answersOf([gone, gone], async (url) => {
    const options = { ...waiting, timeoutMs: 0, onStopped: (lines: readonly string[]) => void said.push(lines) };
    expect(await waitUntilReady(url, options)).toEqual([]);
  });
  expect(said).toEqual([['NOT READY (objects): gone. What to do, one of these:', '  (1) bring it back']]);
});

it('waits for work as long as that goes on, and no longer', async () => {
  const options = { ...waiting, timeoutMs: 0, onStopped: () => undefined };
  const folder = (done: number) => reason({ reason: `folder ${done} of 256`, isWorkedOn: true });
  await answersOf([folder(1), folder(2), folder(3)], async (url) => {
    expect(await waitUntilReady(url, options)).toEqual([]);
  });
  await answersOf([folder(1), folder(2), folder(2)], (url) =>
    expect(waitUntilReady(url, options)).rejects.toThrow('objects: folder 2 of 256'),
  );
});
