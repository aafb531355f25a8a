import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient, type ApiError } from '@fornax/client';
import { eventually, type RunningPlatform, startPlatform } from '@fornax/testing';

const SLOW_MS = 300_000;
const PATIENT = { timeoutMs: 120_000 };

const spec = (name: string) => ({
  name,
  profile: 'docker-batch',
  instanceCount: 1,
  constants: [{ key: 'DOCKER_CMD', value: `echo ${name}` }],
});

/** One platform on one data folder: its NATS folder is replaced by an older copy, put back, accepted, wiped. */
describe('a platform whose NATS folder is not the one that it knows', () => {
  let dataDir: string;
  let copies: string;
  let platform: RunningPlatform;
  let earlier: string;

  const client = (): FornaxClient => new FornaxClient({ url: platform.apiUrl, token: platform.token });
  const store = (): string => join(dataDir, 'nats', 'store');
  const start = async (): Promise<void> => {
    platform = await startPlatform({ dataDir, awaits: 'answers', env: { FORNAX_NODE_GRACE_MS: '2000' } });
  };
  const keep = (name: string): Promise<void> => cp(store(), join(copies, name), { recursive: true });
  const putBack = async (name: string): Promise<void> => {
    await rm(store(), { recursive: true });
    await cp(join(copies, name), store(), { recursive: true });
  };
  const submit = async (name: string): Promise<string> => {
    const response = await post('/tasks', spec(name));
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
    return (JSON.parse(text) as { readonly uuid: string }).uuid;
  };
  const post = (path: string, body: object) =>
    fetch(platform.apiUrl + path, {
      method: 'POST',
      headers: { authorization: platform.token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const isReady = async (): Promise<boolean> => (await fetch(`${platform.apiUrl}/health/ready`)).status === 200;
  const untilReady = () => eventually(() => isReady().catch(() => false), PATIENT);
  const accept = async (): Promise<void> => {
    const { log } = await client().logState();
    await client().acceptLog(log ?? '');
    await untilReady();
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'fornax-log-back-'));
    copies = await mkdtemp(join(tmpdir(), 'fornax-log-copies-'));
    await start();
    await untilReady();
    earlier = await submit('earlier');
    await client().waitForTask(earlier);
    await platform.stop();
    await keep('older');
    await start();
    await untilReady();
    await client().waitForTask(await submit('later'));
    await platform.stop();
    await keep('newer');
    await putBack('older');
    await start();
  }, SLOW_MS);

  afterAll(async () => {
    await platform.stop();
    await Promise.all([dataDir, copies].map((folder) => rm(folder, { recursive: true, force: true })));
  }, SLOW_MS);

  it(
    'stays up on an older copy, refuses a submission with the reason, and says the ways out on the screen and to an operator',
    async () => {
      const refused = await post('/tasks', spec('refused'));
      expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('The event log went back')]);
      await eventually(() => platform.output().includes('NOTHING IS WRITTEN: The event log went back'), PATIENT);
      const { status, stops } = await client().health();
      expect([status, stops.map(({ name }) => name)]).toEqual(['not ready', ['event log']]);
      expect(platform.output()).not.toContain('does not start');
      const state = await client().logState();
      expect(state).toMatchObject({ isRight: false });
      expect(state.lost).toEqual(expect.arrayContaining([{ table: 'task', rows: 1 }]));
    },
    SLOW_MS,
  );

  it(
    'goes on as if nothing had been when the newer copy is put back',
    async () => {
      await platform.stop();
      await putBack('newer');
      await start();
      await untilReady();
      expect(await client().logState()).toMatchObject({ isRight: true });
      await client().waitForTask(await submit('after'));
    },
    SLOW_MS,
  );

  it(
    'goes on from the older copy once an operator accepts it: what it has is there once, the rest is gone, tasks run',
    async () => {
      await platform.stop();
      await putBack('older');
      await start();
      await accept();
      expect((await client().listTasks()).map(({ name }) => name)).toEqual(['earlier']);
      const events = await fetch(`${platform.apiUrl}/fornax/v1/tasks/${earlier}/events`, {
        headers: { authorization: platform.token },
      });
      expect(events.status).toBe(200);
      await client().waitForTask(await submit('anew'));
    },
    SLOW_MS,
  );

  it(
    'does not take a wiped folder for a new platform',
    async () => {
      await platform.stop();
      await rm(store(), { recursive: true });
      await start();
      const error = await client()
        .listTasks()
        .catch((failure: unknown) => failure as ApiError);
      expect(String(error)).toContain('The event log is another one');
      expect((await client().logState()).ways.join('\n')).toContain('the last copy of what happened');
      await accept();
      expect(await client().listTasks()).toEqual([]);
      await client().waitForTask(await submit('first'));
    },
    SLOW_MS,
  );
});
