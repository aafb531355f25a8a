import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProcesses, signal, wasStartedWith } from '@fornax/embedded';
import { workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { z } from 'zod';

/** Lets a node join a platform as one of another machine does: with a token, and settings of its own. @returns how to end it */
export const joinNode = async (
  platform: RunningPlatform,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<() => Promise<void>> => {
  const answer = await fetch(`${platform.apiUrl}/fornax/v1/nodes/tokens`, {
    method: 'POST',
    headers: { authorization: platform.token },
  });
  const { token } = z.object({ token: z.string() }).parse(await answer.json());
  const folder = await mkdtemp(join(tmpdir(), 'fornax-joined-'));
  const program = join(workspaceRoot, 'apps/node-agent/bin/fornax-node.mjs');
  const args = [program, 'join', platform.apiUrl, '--name', name, '--dir', folder];
  const agent = spawn(process.execPath, args, {
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '', FORNAX_NODE_TOKEN: token, FORNAX_SPEC: folder, ...env },
  });
  const ended = new Promise((resolve) => agent.once('exit', resolve));
  return async () => {
    agent.kill('SIGTERM');
    await ended;
    for (const pid of findProcesses((each) => wasStartedWith(each, `FORNAX_SPEC=${folder}`))) signal(pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
};
