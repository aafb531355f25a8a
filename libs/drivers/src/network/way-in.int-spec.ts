import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';

import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';

import { openLevels, testsOf } from '../sandbox/driver.fixture.js';
import type { RunningInstance } from '../driver/driver.js';
import type { Doors } from './listen-within.js';
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
def idle():
  kept = []
  deaf = socket.socket()
  deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
  deaf.bind(('127.0.0.1', 8081)); deaf.listen()
  while True: kept.append(deaf.accept())
threading.Thread(target=idle, daemon=True).start()
while True:
  c, _ = s.accept()
  threading.Thread(target=serve, args=(c,), daemon=True).start()
`;

/** Processes that carry connections into an instance, and the one that waits for them. */
const carriersInto = async (instance: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes('--carry-ways') && line.includes(instance)).length;
};

const levels = await openLevels(['unshare', 'bubblewrap']);
afterAll(async () => {
  for (const [, opened] of levels) await opened?.close();
});

describe.each(levels)('a way into an instance at level %s', (level, open) => {
  const entered = testsOf(open?.facts.waysIn === true ? open : undefined);
  let running: RunningInstance;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    if (open?.facts.waysIn !== true) return;
    const prepared = await open.driver.prepare({ id: `${level}-way`, cores: 1, memoryMB: 512 });
    dispose = () => prepared.dispose();
    running = await prepared.start({ argv: ['python3', '-c', SERVER], env: { PATH: open.facts.path } });
    await once(running.stdout, 'data');
  });
  afterAll(async () => {
    await dispose?.();
  });

  // Without bubblewrap, an ordinary user may not look at a process whose users are others (/proc/…/ns): there is no way in then, and the node says so.
  testsOf(open)('is found by the agent when it starts, or said to be none', async ({ facts }) => {
    expect(facts.waysIn).toBe(level === 'bubblewrap' || process.getuid?.() === 0);
    expect(facts.warnings.filter((warning) => warning.startsWith('ports of instances'))).toHaveLength(
      facts.waysIn === true ? 0 : 1,
    );
  });

  const say = async (bytes: Buffer | string): Promise<string> => {
    const socket = await running.connect(8080);
    socket.end(bytes);
    return text(socket);
  };

  entered('carries both directions, each with its end', async () => {
    expect(await say('hello')).toBe('HELLO');
  });

  entered('carries megabytes of many connections at once', async () => {
    const much = Buffer.alloc(3_000_000, 'a');
    const answers = await Promise.all(Array.from({ length: 8 }, () => say(much)));
    expect(answers.map((answer) => answer === 'A'.repeat(much.length))).toEqual(Array(8).fill(true));
  });

  entered('reaches nothing of the machine', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(running.connect(port)).rejects.toThrow(NothingListens);
    server.close();
  });

  const shown = level === 'unshare' ? entered : testsOf(undefined);
  shown(
    'leaves no process behind whose connection is gone, though the instance reads nothing of it',
    async () => {
      const carriers = (): Promise<number> => carriersInto(`${level}-way`);
      expect(await carriers()).toBe(1);
      const sockets = await Promise.all(Array.from({ length: 5 }, () => running.connect(8081)));
      for (const socket of sockets) socket.write(Buffer.alloc(4_000_000));
      expect(await carriers()).toBe(6);
      for (const socket of sockets) socket.destroy();
      await eventually(async () => (await carriers()) === 1, { timeoutMs: 30_000 });
    },
    60_000,
  );

  entered('opens doors inside before the command begins, for that instance alone', async () => {
    if (!open) return;
    const prepared = await open.driver.prepare({ id: `${level}-doors`, cores: 1, memoryMB: 256 });
    const came: string[] = [];
    const doors: Doors = {
      ports: [20_000, 20_001],
      onConnection: (port, socket) => {
        void text(socket).then((said) => {
          came.push(`${port} ${said}`);
          socket.end(said.toUpperCase());
        });
      },
    };
    const ask =
      'import socket\nfor p in (20000, 20001):\n  c = socket.create_connection(("127.0.0.1", p)); c.sendall(b"hello"); c.shutdown(1); print(c.recv(99).decode())';
    const argv = ['python3', '-c', ask] as const;
    const first = await prepared.start({ argv, env: { PATH: open.facts.path }, doors });
    expect(await text(first.stdout)).toBe('HELLO\nHELLO\n');
    expect(came).toEqual(['20000 hello', '20001 hello']);
    await first.exit;
    // Nothing is open for one that did not ask, nor for the machine.
    const second = await prepared.start({ argv, env: { PATH: open.facts.path } });
    expect(await text(second.stderr)).toContain('Connection refused');
    await second.exit;
    await prepared.dispose();
  });

  entered('ends with the instance', async () => {
    const socket = await running.connect(8080);
    const closed = once(socket, 'close');
    running.kill();
    await Promise.all([running.exit, closed]);
    await expect(running.connect(8080)).rejects.toThrow();
  });
});
