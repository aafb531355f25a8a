import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nodeJoinSchema } from '@fornax/contracts';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { runFornaxNode } from './fornax-node.js';
import { joinPlatform } from './join.js';
import { readNodeFile } from './node-file.js';

/** What a platform may answer, also when its clock is wrong or its answer is lost, which a real one does not do on demand. */
let answer: () => { readonly status: number; readonly body: unknown } | 'hang up';
let server: Server;
let folder = '';
const keys: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-join-'));
  keys.length = 0;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      keys.push(nodeJoinSchema.parse(JSON.parse(Buffer.concat(chunks).toString())).publicKey);
      const given = answer();
      if (given === 'hang up') request.socket.destroy();
      else response.writeHead(given.status).end(JSON.stringify(given.body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const TOKEN = 'fnt_a-token-of-this-spec';
const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const joining = () => joinPlatform({ url: url(), token: TOKEN, name: 'gpu-a', folder: join(folder, 'node') });
const welcome = (skewMs = 0) => ({
  status: 200,
  body: { nodeId: 'gpu-a', natsUrl: 'nats://127.0.0.1:1', storageUrl: 'http://127.0.0.1:2', at: Date.now() + skewMs },
});

it('asks again with the same key when the answer was lost, and is a node once', async () => {
  answer = () => 'hang up';
  await expect(joining()).rejects.toThrow(/cannot be reached.*same command again/);
  answer = welcome;
  expect(await joining()).toEqual([]);
  expect(new Set(keys).size).toBe(1);
  expect(readNodeFile(join(folder, 'node'))?.joined?.natsUrl).toBe('nats://127.0.0.1:1');
  await expect(joining()).rejects.toThrow(/is the folder of gpu-a/);
});

it('says which way a clock is wrong', async () => {
  answer = () => welcome(600_000);
  expect(await joining()).toEqual([expect.stringMatching(/clock is (599|600) s behind the platform's/)]);
  await rm(join(folder, 'node'), { recursive: true });
  answer = () => welcome(-600_000);
  expect(await joining()).toEqual([expect.stringMatching(/clock is (599|600) s ahead of the platform's/)]);
});

it.each([
  [401, { message: 'Bad authentication token' }, /the token is wrong/],
  [403, { message: 'this token was used before: it opens once' }, /used before.*403/],
  [409, { message: 'there is a node gpu-a: choose another name' }, /choose another name.*409/],
  [502, 'no json', /HTTP 502: is this the address/],
])('makes plain what a platform means with %i', async (status, body, text) => {
  answer = () => ({ status, body });
  await expect(joining()).rejects.toThrow(text);
});

it('shows no token, takes it from the environment or standard input, and joins no node under a name that cannot be', async () => {
  answer = () => ({ status: 403, body: { message: 'no' } });
  const said: string[] = [];
  const around = {
    print: (line: string) => void said.push(line),
    tell: (line: string) => void said.push(line),
    readStdin: () => Promise.resolve(`${TOKEN}\n`),
    work: () => Promise.reject(new Error('it must not come so far')),
  };
  const run = (env: Record<string, string>, ...args: readonly string[]) =>
    runFornaxNode(args, { ...around, env: { FORNAX_NODE_FOLDER: join(folder, 'node'), ...env } });
  expect(await run({}, 'join', url(), TOKEN, '--name', 'a')).toBe(1);
  expect(await run({}, 'join', url(), '-', '--name', 'a')).toBe(1);
  expect(await run({ FORNAX_NODE_TOKEN: TOKEN }, 'join', url(), '--name', 'a')).toBe(1);
  expect(await run({}, 'join', url(), '--name', 'a')).toBe(2);
  expect(await run({}, 'join', url(), TOKEN, '--name', 'a.b')).toBe(2);
  for (const command of ['run', 'rotate', 'status']) expect(await run({}, command)).toBe(1);
  for (const command of ['join', 'run', 'rotate', 'status']) expect(await run({}, command, '--help')).toBe(0);
  expect(keys).toHaveLength(3);
  expect(said.join('\n')).not.toContain(TOKEN);
});
