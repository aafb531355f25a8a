import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tryLockFolder } from '../folder/folder-lock.js';
import { type ProcessId, findProcesses, identify, isAlive, wasStartedWith } from '../process/process-table.js';
import { waitUntil } from '../process/wait.js';
import { encodeOrder } from './guardian-protocol.js';

const program = fileURLToPath(new URL('../../dist/supervise/guardian-main.js', import.meta.url));

let folder: string;
let marker: string;
let guardian: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-guard-'));
  marker = `FORNAX_RUN=${randomUUID()}`;
  guardian = spawn(process.execPath, [program, folder, marker], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  if (guardian.stdout) await once(guardian.stdout, 'data');
});

afterEach(async () => {
  for (const { pid } of findProcesses((candidate) => wasStartedWith(candidate, marker))) process.kill(pid, 'SIGKILL');
  guardian.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const start = (script: string, isMarked = true): ProcessId => {
  const child = spawn('sh', ['-c', script], {
    stdio: 'ignore',
    detached: true,
    env: { PATH: process.env['PATH'] ?? '', ...(isMarked ? { FORNAX_RUN: marker.slice('FORNAX_RUN='.length) } : {}) },
  });
  const id = identify(child.pid ?? -1);
  if (id === undefined) throw new Error('the child did not start');
  return id;
};

const guard = (id: ProcessId, stage: number) =>
  guardian.stdin?.write(encodeOrder({ order: 'guard', process: { ...id, stage, signal: 'SIGTERM' } }));

describe('the guardian', () => {
  it('leaves no process when its parent dies, neither stubborn nor unreported ones', async () => {
    const polite = start('exec sleep 1000');
    const stubborn = start("trap '' TERM; while :; do sleep 0.05; done");
    const unreported = start('exec sleep 1000');
    guard(polite, 0);
    guard(stubborn, 1);
    guardian.stdin?.end(); // what the kernel does when the parent is killed
    await once(guardian, 'exit');
    const all = [polite, stubborn, unreported];
    expect(await waitUntil(() => !all.some(isAlive), { timeoutMs: 30_000 })).toBe(true);
  }, 60_000);

  it('ends nobody after it was dismissed', async () => {
    const child = start('exec sleep 1000');
    guard(child, 0);
    guardian.stdin?.end(encodeOrder({ order: 'dismiss' }));
    await once(guardian, 'exit');
    expect(isAlive(child)).toBe(true);
  });

  it('does not mistake a later process for the one it guarded', async () => {
    const child = start('exec sleep 1000', false);
    guard({ ...child, startTime: '1' }, 0);
    guardian.stdin?.end();
    await once(guardian, 'exit');
    expect(isAlive(child)).toBe(true);
    process.kill(child.pid, 'SIGKILL');
  });

  it('holds the folder while it lives, through signals meant for its parent', async () => {
    guardian.kill('SIGINT');
    guardian.kill('SIGTERM');
    expect(await tryLockFolder(folder, 'guardian')).toBeUndefined();
    guardian.stdin?.end();
    await once(guardian, 'exit');
    const lock = await tryLockFolder(folder, 'guardian');
    expect(lock).toBeDefined();
    await lock?.release();
  });
});
