import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { openDriver, type OpenDriver } from '../sandbox/driver.fixture.js';
import type { RunningInstance } from '../driver/driver.js';
import { NothingListens } from './way-in.js';

/** Says what it got, in capitals, once the other side has ended. */
const SERVER = `import socket, sys, threading
s = socket.create_server(('127.0.0.1', 8080), backlog=512)
print('up', flush=True)
def serve(c):
  got = b''
  while True:
    part = c.recv(65536)
    if not part: break
    got += part
  c.sendall(got.upper()); c.close()
while True:
  c, _ = s.accept()
  threading.Thread(target=serve, args=(c,), daemon=True).start()
`;

describe.each(['unshare', 'bubblewrap'] as const)('a way into an instance at level %s', (level) => {
  let open: OpenDriver | undefined;
  let running: RunningInstance;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    open = await openDriver(level);
    if (!open) return;
    const prepared = await open.driver.prepare({ id: `${level}-way`, cores: 1, memoryMB: 512 });
    dispose = () => prepared.dispose();
    running = await prepared.start({ argv: ['python3', '-c', SERVER], env: { PATH: open.facts.path } });
    await once(running.stdout, 'data');
  });
  afterAll(async () => {
    await dispose?.();
    await open?.close();
  });

  const say = async (bytes: Buffer | string): Promise<string> => {
    const socket = await running.connect(8080);
    socket.end(bytes);
    return text(socket);
  };

  it('carries both directions, each with its end', async () => {
    if (open) expect(await say('hello')).toBe('HELLO');
  });

  it('carries megabytes of many connections at once', async () => {
    if (!open) return;
    const much = Buffer.alloc(3_000_000, 'a');
    const answers = await Promise.all(Array.from({ length: 8 }, () => say(much)));
    expect(answers.map((answer) => answer === 'A'.repeat(much.length))).toEqual(Array(8).fill(true));
  });

  it('reaches nothing of the machine', async () => {
    if (!open) return;
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(running.connect(port)).rejects.toThrow(NothingListens);
    server.close();
  });

  it('ends with the instance', async () => {
    if (!open) return;
    const socket = await running.connect(8080);
    const closed = once(socket, 'close');
    running.kill();
    await Promise.all([running.exit, closed]);
    await expect(running.connect(8080)).rejects.toThrow();
  });
});
