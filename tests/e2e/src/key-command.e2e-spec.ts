import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTROL_SERVICES, needsMasterKey } from '@fornax/contracts';
import { type RunningPlatform, startPlatform, workspaceRoot } from '@fornax/testing';
import { clientsOf } from './clients.js';
import { fornax } from './command-line.js';
import { processesOf, readRuntime } from './launch.js';

const SLOW_MS = 300_000;
const VALUE = 'Nussecken-Rezept-4711';
const [NAME, KEY] = ['QARNOT_SECRET_RECIPE', 'kitchen/recipe'];

/** The key management service of the how-to, as it stands there. */
const kmsOfHowTo = (): string => {
  const page = readFileSync(join(workspaceRoot, 'docs/how-to/rotate-the-master-key.md'), 'utf8');
  const [, program] = /```js\n(.*?)```/s.exec(page) ?? [];
  if (program === undefined) throw new Error('the how-to has no program');
  return program;
};

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('a platform of a process for each service, whose master key a command opens', () => {
  let [folder, data] = ['', ''];
  let platform: RunningPlatform;
  const masterKeyFile = () => join(data, 'secrets', 'master.key');
  const command = (key: string, program = 'kms.mjs') => [process.execPath, join(folder, program), key];
  const kms = (key: string, what: 'encrypt' | 'decrypt', input: string): string =>
    execFileSync(process.execPath, [...command(key).slice(1), what], { input, encoding: 'utf8' }).trim();
  const settings = (key: string, more: Readonly<Record<string, string>> = {}) => ({
    dataDir: data,
    env: { FORNAX_SERVICES: '1', FORNAX_MASTER_KEY_COMMAND: JSON.stringify(command(key)), ...more },
  });

  const secret = (method: string, key: string, value?: string): Promise<Response> =>
    fetch(`${platform.apiUrl}/secrets-manager/data/${key}`, {
      method,
      headers: { authorization: platform.token, 'content-type': 'application/json' },
      ...(value === undefined ? {} : { body: JSON.stringify({ value }) }),
    });
  const submit = (): Promise<string> =>
    clientsOf(platform).api.submitTask({
      name: 'cake',
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [
        { key: NAME, value: VALUE },
        {
          key: 'DOCKER_CMD',
          value: `sh -c 'printf %s "$${NAME}" | sha256sum; sha256sum < $QARNOT_SECRETS_DIR/${KEY}'`,
        },
      ],
      secretsAccessRights: { bySecret: [{ key: KEY }], byPrefix: [] },
    });
  const printed = async (task: string): Promise<readonly string[]> => {
    const { api } = clientsOf(platform);
    await api.waitForTask(task);
    return [...(await api.output(task, 'stdout')).matchAll(/[0-9a-f]{64}/g)].map(([digest]) => digest);
  };
  const both = [digestOf(VALUE), digestOf(`${VALUE} kept`)];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-kms-'));
    data = join(folder, 'data');
    await writeFile(join(folder, 'kms.mjs'), kmsOfHowTo());
    for (const key of ['k1', 'k2']) await writeFile(join(folder, key), randomBytes(32));
    platform = await startPlatform(settings('k1'));
    expect((await secret('PUT', KEY, `${VALUE} kept`)).status).toBe(200);
  }, SLOW_MS);
  afterAll(async () => {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  it('gives the key, or what opens it, to the services that need it, and to no other process', async () => {
    const sealed = (await readFile(masterKeyFile(), 'utf8')).trim();
    expect(sealed).toMatch(/^kms\.k1\./);
    const clear = kms('k1', 'decrypt', sealed);
    const runtime = await readRuntime(data);
    const environmentOf = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8');
    const having = Object.entries(runtime.pids).filter(([, pid]) => environmentOf(pid).includes('FORNAX_MASTER_KEY'));
    expect(having.map(([name]) => name).sort()).toEqual(CONTROL_SERVICES.filter(needsMasterKey).sort());
    expect(Object.keys(runtime.pids)).toEqual(expect.arrayContaining(['node-registry', 'billing', 'router', 'node-1']));
    for (const pid of processesOf(runtime)) {
      const shown = `${environmentOf(pid)}${readFileSync(`/proc/${pid}/cmdline`, 'utf8')}`;
      expect(shown.includes(clear) || shown.includes(sealed)).toBe(false);
    }
  });

  it('runs a task with secrets', async () => expect(await printed(await submit())).toEqual(both), SLOW_MS);

  it(
    'goes over to another key of the service while tasks come, and needs the old one no more',
    async () => {
      const old = (await readFile(masterKeyFile(), 'utf8')).trim();
      await platform.stop();
      await writeFile(masterKeyFile(), kms('k2', 'encrypt', randomBytes(32).toString('base64')), { mode: 0o600 });
      platform = await startPlatform(settings('k2', { FORNAX_MASTER_KEYS_READ: old }));
      const tasks: string[] = [await submit()];
      const rotation = fornax(data, 'keys', 'rotate');
      const isOver = rotation.then(() => true);
      while (!(await Promise.race([isOver, submit().then((id) => tasks.push(id) < 0)])));
      const { code, stdout } = await rotation;
      expect({ code, stdout }).toMatchObject({ code: 0 });
      expect(stdout).toMatch(/^\d+ of \d+ data keys are sealed by the master key /);
      tasks.push(await submit());
      for (const task of tasks) expect(await printed(task)).toEqual(both);
      expect((await fornax(data, 'keys', 'list')).stdout).toMatch(/ seals\. 0 of \d+ data keys are sealed by another/);
      await platform.stop();
      await rm(join(folder, 'k1'));
      platform = await startPlatform(settings('k2'));
      expect(await (await secret('GET', KEY)).json()).toEqual({ value: `${VALUE} kept` });
      const { api } = clientsOf(platform);
      expect(await printed(await api.repeatTask(tasks[0] ?? '', 'clone'))).toEqual(both);
    },
    SLOW_MS,
  );

  it(
    'does not start with a command that is refused, nor with a key that is not that of the log',
    async () => {
      await platform.stop();
      const sealed = await readFile(masterKeyFile(), 'utf8');
      const start = () => startPlatform(settings('k2'));
      await writeFile(masterKeyFile(), sealed.replace('kms.k2.', 'kms.k3.'), { mode: 0o600 });
      await expect(start()).rejects.toThrow(
        /FORNAX_MASTER_KEY_COMMAND: .* could not decrypt the master key: .*access denied: k3/,
      );
      await writeFile(masterKeyFile(), kms('k2', 'encrypt', randomBytes(32).toString('base64')), { mode: 0o600 });
      await expect(start()).rejects.toThrow(/this key does not open what the event log holds sealed/);
      await writeFile(masterKeyFile(), sealed, { mode: 0o600 });
      platform = await start();
      expect((await secret('GET', KEY)).status).toBe(200);
    },
    SLOW_MS,
  );
});
