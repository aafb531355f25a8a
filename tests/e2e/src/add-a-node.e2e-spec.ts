import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { findProcesses, signal, wasStartedWith } from '@fornax/embedded';
import { z } from 'zod';
import { examplesOf, isAsShown } from './guide/page.js';
import { runPage } from './guide/run-page.js';

const page = join(workspaceRoot, 'docs/how-to/add-a-node.md');
const SLOW_MS = 300_000;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}, SLOW_MS);

describe.each([
  ['one process', {}],
  ['a process for each service', { FORNAX_SERVICES: '1' }],
])('with %s, the how-to about nodes of other machines', (_, mode) => {
  it(
    'is true from the token to the revocation',
    async () => {
      const platform: RunningPlatform = await startPlatform({
        env: { FORNAX_NODE_CORES: '1', FORNAX_NODE_GRACE_MS: '3000', FORNAX_HEARTBEAT_MS: '200', ...mode },
      });
      cleanUps.push(() => platform.stop());
      const folder = await mkdtemp(join(tmpdir(), 'fornax-add-a-node-'));
      cleanUps.push(() => rm(folder, { recursive: true, force: true }));
      const mark = `FORNAX_SPEC=${folder}`;
      cleanUps.push(async () => {
        for (const pid of findProcesses((each) => wasStartedWith(each, mark))) signal(pid, 'SIGKILL');
        return Promise.resolve();
      });
      const program = (path: string): readonly string[] => [process.execPath, join(workspaceRoot, path)];
      const examples = examplesOf(readFileSync(page, 'utf8'));
      const outputs = await runPage(examples, {
        folder,
        env: { ...platform.clientEnv, FORNAX_SPEC: folder },
        programs: {
          fornax: program('apps/cli/bin/fornax.mjs'),
          'fornax-node': program('apps/node-agent/bin/fornax-node.mjs'),
        },
        timeoutMs: SLOW_MS / 2,
      }).catch((error: unknown) => {
        const log = join(folder, 'work/other-machine/node.log');
        const said = existsSync(log) ? readFileSync(log, 'utf8').slice(-4_000) : '';
        throw new Error(`${String(error)}\n${said}`, { cause: error });
      });
      examples.forEach(({ expected, line }, at) => {
        const printed = outputs[at] ?? '';
        if (expected !== undefined && !isAsShown(printed, expected))
          throw new Error(`line ${line}: printed\n${printed}\nbut the page shows\n${expected}`);
      });
      // What opens is in no log: neither tokens nor seeds.
      const logs = join(platform.dataDir, 'logs');
      const said = [
        ...readdirSync(logs).map((name) => readFileSync(join(logs, name), 'utf8')),
        readFileSync(join(folder, 'work/other-machine/node.log'), 'utf8'),
        platform.output(),
      ].join('\n');
      expect(said).toContain('gpu-a');
      expect(said).not.toMatch(/fnt_[0-9a-f-]{36}_|S[UA][A-Z2-7]{56}/);
    },
    SLOW_MS,
  );
});

it(
  'a node that joined finds its platform again after a restart, on the same port, without a token',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-joined-'));
    cleanUps.push(() => rm(folder, { recursive: true, force: true }));
    const dataDir = join(folder, 'platform');
    const env = { FORNAX_NODES: '0', FORNAX_NODE_GRACE_MS: '3000', FORNAX_HEARTBEAT_MS: '200' };
    const first = await startPlatform({ dataDir, env });
    cleanUps.push(() => first.stop());
    const mark = `FORNAX_SPEC=${folder}`;
    const call = async (platform: RunningPlatform, method: string, path: string): Promise<unknown> => {
      const headers = { authorization: platform.token };
      return (await fetch(`${platform.apiUrl}/fornax/v1/nodes${path}`, { method, headers })).json();
    };
    const { token } = z.object({ token: z.string() }).parse(await call(first, 'POST', '/tokens'));
    const program = join(workspaceRoot, 'apps/node-agent/bin/fornax-node.mjs');
    const agent = spawn(
      process.execPath,
      [program, 'join', first.apiUrl, '--name', 'joined', '--dir', join(folder, 'node')],
      {
        stdio: 'ignore',
        env: { ...process.env, NODE_OPTIONS: '', FORNAX_NODE_TOKEN: token, FORNAX_SPEC: folder },
      },
    );
    cleanUps.push(async () => {
      for (const pid of findProcesses((each) => wasStartedWith(each, mark))) signal(pid, 'SIGKILL');
      await new Promise((resolve) =>
        agent.exitCode === null && agent.signalCode === null ? agent.once('exit', resolve) : resolve(0),
      );
    });
    const sessions = (platform: RunningPlatform): Promise<unknown> =>
      eventually(
        async () => {
          const { status, epoch } = z
            .looseObject({ status: z.string(), epoch: z.number() })
            .parse(await call(platform, 'GET', '/joined'));
          return status === 'online' && epoch;
        },
        { timeoutMs: 30_000 },
      );
    expect(await sessions(first)).toBe(1);
    await first.stop();
    const second = await startPlatform({ dataDir, env });
    cleanUps.push(() => second.stop());
    // It was lost, or it was not, by how long the start took: it is there again in any case.
    expect(await sessions(second)).toBeGreaterThanOrEqual(1);
    await eventually(
      async () => {
        const beat = z
          .looseObject({ lastHeartbeat: z.string().nullable() })
          .parse(await call(second, 'GET', '/joined'));
        return beat.lastHeartbeat !== null;
      },
      { timeoutMs: 30_000 },
    );
  },
  SLOW_MS,
);
