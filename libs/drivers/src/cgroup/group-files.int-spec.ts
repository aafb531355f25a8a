import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { killAll } from './group-files.js';
import { initProgram } from '../process/init-program.js';

let folder = '';
const children: ReturnType<typeof spawn>[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-group-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});
const sleeper = (): ReturnType<typeof spawn> => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  return child;
};
const endOf = async (child: ReturnType<typeof spawn>): Promise<unknown> => {
  const [, signal] = (await once(child, 'exit')) as [unknown, unknown];
  return signal;
};

it('kills what a group holds, and is content with one that is gone or holds what nobody here may see', async () => {
  const [one, other] = [sleeper(), sleeper()];
  const ended = Promise.all([endOf(one), endOf(other)]);
  // As a group does, the file loses them when they end.
  await writeFile(join(folder, 'cgroup.procs'), `${one.pid}\n0\n${other.pid}\n`);
  const killing = killAll([folder, join(folder, 'none')]);
  expect(await ended).toEqual(['SIGKILL', 'SIGKILL']);
  await writeFile(join(folder, 'cgroup.procs'), '');
  await killing;
});

it('kills no process that has the number of one which left the group after it was read', async () => {
  const stranger = sleeper();
  const file = join(folder, 'cgroup.procs');
  const next = async (name: string): Promise<void> => {
    execFileSync('mkfifo', [join(folder, name)]);
    await rename(join(folder, name), file);
  };
  await next('first');
  const emptying = spawn(await initProgram(), ['--empty', file], { stdio: 'ignore' });
  children.push(emptying);
  const exit = once(emptying, 'exit');
  // Each read of the group is answered by a pipe of its own: the first one names the stranger, and no other does.
  const first = await open(file, 'w');
  await first.write(`${stranger.pid}\n`);
  await next('second');
  await first.close();
  const second = await open(file, 'w');
  await writeFile(join(folder, 'empty'), '');
  await rename(join(folder, 'empty'), file);
  await second.close();
  expect(await exit).toEqual([0, null]);
  expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
});
