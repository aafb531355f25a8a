import { execFile } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, providePythonSdk, type RunningPlatform, startPlatform, toolsDir } from '@fornax/testing';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { sshdLayer } from '@fornax/testing/sshd';
import { pushImage, REGISTRY_LOGIN, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';

import { launch } from './launch.js';

const run = promisify(execFile);
const script = new URL('../python/image_tasks.py', import.meta.url).pathname;

interface Ended {
  readonly uuid: string;
  readonly state: string;
  readonly stdout: readonly string[];
  readonly errors: readonly (readonly [code: string, message: string])[];
  readonly constants: Readonly<Record<string, string>>;
}
type Seen = Readonly<Record<'many' | 'secret' | 'refused' | 'missing' | 'named', Ended>>;

describe('tasks in images, with the official Python SDK', () => {
  let open: TestRegistry;
  let closed: TestRegistry;
  let platform: RunningPlatform;
  let digest = '';

  beforeAll(async () => {
    [open, closed] = await Promise.all([startTestRegistry(), startTestRegistry(true)]);
    const [tool, secret] = await Promise.all(
      ['tool', 'secret'].map(async (mark) => layerOf(await busyboxEntries(mark))),
    );
    if (!tool || !secret) throw new Error('no layers');
    digest = await pushImage(open, { repository: 'team/tool', tag: 'v1' }, [tool], { Entrypoint: ['echo', 'Hello'] });
    await pushImage(closed, { repository: 'team/secret', tag: 'v1', isPrivate: true }, [secret], {
      Entrypoint: ['sh'],
    });
    const registries = [open.url, closed.url].join(',');
    platform = await startPlatform({ env: { FORNAX_IMAGES: 'registry', FORNAX_NODE_IMAGE_REGISTRIES: registries } });
  });

  afterAll(async () => {
    await platform.stop();
    await Promise.all([open.stop(), closed.stop()]);
  });

  it('run in what they name, pulled once, and say why where they cannot', async () => {
    const sdk = await providePythonSdk(toolsDir());
    if ('missing' in sdk) {
      console.warn(`SKIPPED-PYTHON-SDK: ${sdk.missing}`);
      return;
    }
    const { user, password } = REGISTRY_LOGIN;
    const { stdout } = await run(sdk.python, [script, open.url, closed.url, user, password], {
      env: { ...process.env, ...platform.clientEnv },
      timeout: 240_000,
    });
    const { many, secret, refused, missing, named } = JSON.parse(stdout) as Seen;

    expect(many).toMatchObject({ state: 'Success', errors: [] });
    expect(many.stdout).toEqual(Array.from({ length: 10 }, (_, each) => `${each}> Hello World ${each}`));
    const blobs = (await open.given()).filter((path) => path.startsWith('/v2/team/tool/blobs/'));
    expect(blobs).toHaveLength(new Set(blobs).size);
    expect(blobs).toHaveLength(2);

    expect(secret).toMatchObject({ state: 'Success', constants: { DOCKER_REGISTRY_PASSWORD: '[SECRET]' } });
    expect(secret.stdout).toEqual(expect.arrayContaining(['0> secret', '0> HOME=/tmp']));
    expect(named).toMatchObject({ state: 'Success', stdout: [expect.stringMatching(/^0> nameserver [\d.]+$/)] });
    expect(refused).toMatchObject({ state: 'Failure', errors: [['FX-IMAGE-ACCESS', expect.any(String)]] });
    expect(missing).toMatchObject({
      state: 'Failure',
      errors: [['FX-IMAGE', expect.stringContaining('has no image')]],
    });
    expect(stdout).not.toContain(password);

    const read = async (path: string): Promise<string> => {
      const headers = { authorization: platform.token };
      return (await fetch(`${platform.apiUrl}${path}`, { headers })).text();
    };
    expect(await read(`/tasks/${many.uuid}`)).toContain(digest);
    const events = `/fornax/v1/tasks/${secret.uuid}/events?limit=100`;
    expect(await read(events)).toContain('DOCKER_REGISTRY_PASSWORD');
    expect(await read(events)).not.toContain(password);
  });

  it('let in over SSH whoever has the key, where the image has an ordinary server', async () => {
    const found = await Promise.all([sshdLayer(), run('ssh', ['-V'])]).catch((error: unknown) => String(error));
    if (typeof found === 'string') {
      console.warn(`NOT TRIED: a real sshd and ssh cannot be had here: ${found}`);
      return;
    }
    await pushImage(open, { repository: 'team/ssh', tag: 'v1' }, [found[0]], { Cmd: ['/usr/sbin/sshd', '-D'] });
    const keys = await mkdtemp(join(tmpdir(), 'fornax-ssh-'));
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'mine')]);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'other')]);
    const given = {
      DOCKER_SRV: open.url,
      DOCKER_REPO: 'team/ssh',
      DOCKER_TAG: 'v1',
      DOCKER_SSH: (await readFile(join(keys, 'mine.pub'), 'utf8')).trim(),
    };
    const constants = Object.entries(given).map(([key, value]) => ({ key, value }));
    const call = async (method: string, path: string, body?: object): Promise<unknown> => {
      const headers = { authorization: platform.token, 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await fetch(`${platform.apiUrl}${path}`, { method, headers, ...sent });
      const text = await answer.text();
      expect([path, answer.status, answer.ok ? '' : text]).toEqual([path, answer.status, '']);
      return text === '' ? undefined : JSON.parse(text);
    };
    const task = { name: 'ssh', profile: 'docker-network-ssh', instanceCount: 1, constants };
    const { uuid } = (await call('POST', '/tasks', task)) as { readonly uuid: string };

    /** As the public scripts find it. */
    let forward: { readonly forwarderHost: string; readonly forwarderPort: number } | undefined;
    const ssh = (key: string, ...words: readonly string[]): ReturnType<typeof run> =>
      run(
        'ssh',
        [
          ...['-F', 'none', '-i', join(keys, key), '-p', String(forward?.forwarderPort)],
          ...['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'LogLevel=ERROR'].flatMap((one) => [
            '-o',
            one,
          ]),
          ...['-o', `UserKnownHostsFile=${join(keys, 'hosts')}`],
          ...[...words.slice(0, -1), `root@${forward?.forwarderHost}`, ...words.slice(-1)],
        ],
        { env: { PATH: process.env['PATH'], HOME: keys }, timeout: 30_000 },
      );
    await eventually(
      async () => {
        const { state, status, errors } = (await call('GET', `/tasks/${uuid}`)) as {
          readonly state: string;
          readonly errors: unknown;
          readonly status: {
            readonly runningInstancesInfo?: {
              readonly perRunningInstanceInfo: readonly { readonly activeForwards: readonly (typeof forward)[] }[];
            };
          } | null;
        };
        if (state === 'Failure') throw new Error(JSON.stringify(errors));
        [forward] = status?.runningInstancesInfo?.perRunningInstanceInfo[0]?.activeForwards ?? [];
        if (!forward) return false;
        return ssh('mine', 'true').then(
          () => true,
          () => false,
        );
      },
      { timeoutMs: 90_000 },
    );
    expect((await ssh('mine', 'id -un; pwd; cat /app/mark')).stdout).toBe('root\n/job\nssh\n');
    expect((await ssh('mine', '-tt', 'test -t 0 && echo a terminal')).stdout).toBe('a terminal\r\n');
    await expect(ssh('mine', 'exit 7')).rejects.toMatchObject({ code: 7 });
    await expect(ssh('other', 'true')).rejects.toMatchObject({ code: 255 });
    await call('POST', `/tasks/${uuid}/abort`);
    await rm(keys, { recursive: true, force: true });
  }, 240_000);

  it('are what the sample of npm start is, where a registry is configured', async () => {
    // Shell and awk of this machine, with what they need: the awk of a busybox, whose shell takes no other one, draws for minutes.
    const programs = await Promise.all(
      ['sh', 'awk'].map(async (name) => [`bin/${name}`, await realpath(`/usr/bin/${name}`)] as const),
    );
    const { stdout } = await run('ldd', [...programs.map(([, path]) => path)]);
    const libraries = [...stdout.matchAll(/^\t(?:.* => )?(\/\S+) \(/gm)].map(
      ([, path = '']) => [path.slice(1), path] as const,
    );
    const files = await Promise.all(
      [...programs, ...new Map(libraries)].map(
        async ([name, path]) => [{ name, mode: 0o755 }, await readFile(path)] as const,
      ),
    );
    const layer = await layerOf([...(await busyboxEntries('sample')), ...files]);
    await pushImage(open, { repository: 'library/busybox', tag: 'stable' }, [layer], { Env: ['PATH=/bin'] });
    const data = await mkdtemp(join(tmpdir(), 'fornax-sample-image-'));
    try {
      const env = { FORNAX_IMAGES: 'registry', FORNAX_NODE_IMAGE_REGISTRIES: open.url };
      const once = launch(data, ['--once'], env);
      expect({ code: await once.ended, output: once.output() }).toMatchObject({
        code: 0,
        output: expect.stringContaining('4 instances of docker-batch, in the image library/busybox:stable'),
      });
      // A Node of this machine is not in there.
      expect(once.output()).toContain('strip 3: no Node here, drawing with awk');
      expect((await stat(join(data, 'results/mandelbrot.png'))).size).toBeGreaterThan(1_000);
      const pulled = (await open.given()).filter((path) => path.startsWith('/v2/library/busybox/blobs/'));
      expect(pulled).toHaveLength(2);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});
