import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify, isAlive } from '../process/process-table.js';
import { ServerProcess } from '../process/server-process.js';
import { waitUntil } from '../process/wait.js';
import { restartDelayMs } from './backoff.js';
import { type Running, Supervisor } from './supervisor.js';

let folder: string;
let events: string[];
let counted: number[];
let supervisor: Supervisor;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-sup-'));
  events = [];
  counted = [];
  supervisor = new Supervisor({
    onStarted: (name) => events.push(`started ${name}`),
    onCrashed: (name, exit, { failures }) => {
      events.push(`crashed ${name} ${exit.code ?? exit.signal}`);
      counted.push(failures);
    },
    onRestartFailed: (name, _, { failures }) => {
      events.push(`failed ${name}`);
      counted.push(failures);
    },
  });
});

afterEach(async () => {
  await supervisor.kill();
  await rm(folder, { recursive: true, force: true });
});

/** A child that ends at a SIGTERM, or that ignores it. */
const child = async (script = 'exec sleep 1000'): Promise<Running> => {
  const running = await ServerProcess.spawn('sh', {
    args: ['-c', script],
    env: { PATH: process.env['PATH'] ?? '' },
    logFile: join(folder, 'log'),
  });
  return {
    pid: running.pid,
    exited: running.exited,
    stop: async () => void (await running.stop([{ signal: 'SIGTERM', graceMs: 200 }])),
    kill: async () => void (await running.stop([])),
  };
};

const eventually = (isTrue: () => boolean) => waitUntil(isTrue, { timeoutMs: 30_000 });

describe('a supervisor', () => {
  it('starts a child again that was killed, and says so', async () => {
    const first = await supervisor.add('a', () => child());
    process.kill(first.pid, 'SIGKILL');
    expect(await eventually(() => events.length === 3)).toBe(true);
    expect(events).toEqual(['started a', 'crashed a SIGKILL', 'started a']);
    expect(supervisor.pidOf('a')).not.toBe(first.pid);
  });

  it('keeps trying while the restart fails', async () => {
    let starts = 0;
    const flaky = () => {
      starts += 1;
      return starts === 2 ? Promise.reject(new Error('not now')) : child();
    };
    const first = await supervisor.add('a', flaky);
    process.kill(first.pid, 'SIGKILL');
    expect(await eventually(() => events.at(-1) === 'started a' && starts === 3)).toBe(true);
    expect(events).toContain('failed a');
    expect(counted).toEqual([1, 2]);
  });

  it('does not keep a child whose first start fails', async () => {
    await expect(supervisor.add('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(supervisor.names).toEqual([]);
  });

  it('ends its children group after group and restarts none', async () => {
    const stopped: string[] = [];
    const noting = (name: string) => async (): Promise<Running> => {
      const running = await child();
      void running.exited.then(() => stopped.push(name));
      return running;
    };
    for (const name of ['db', 'app', 'agent']) await supervisor.add(name, noting(name));
    await supervisor.stop([['agent'], ['app'], ['db']]);
    expect(stopped).toEqual(['agent', 'app', 'db']);
    expect(events.filter((event) => event.startsWith('started'))).toHaveLength(3);
  });

  it('kills a child that ignores the request to end', async () => {
    const stubborn = await supervisor.add('a', () => child("trap '' TERM; while :; do sleep 0.05; done"));
    const id = identify(stubborn.pid);
    await supervisor.stop();
    expect(id !== undefined && isAlive(id)).toBe(false);
  });

  it('waits longer after each failure, up to five seconds', () => {
    expect([1, 2, 3, 10, 1_000].map(restartDelayMs)).toEqual([200, 400, 800, 5_000, 5_000]);
  });
});
