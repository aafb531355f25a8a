import { execFile } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, providePythonSdk, type RunningPlatform, startPlatform, toolsDir } from '@fornax/testing';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { sshdLayer } from '@fornax/testing/sshd';
import { PackagesMissing, vncLayer } from '@fornax/testing/vnc';
import { pushImage, REGISTRY_LOGIN, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';

import { launch } from './launch.js';
import { lookAt } from './rfb.js';

const run = promisify(execFile);
const script = new URL('../python/image_tasks.py', import.meta.url).pathname;

interface Ended {
  readonly uuid: string;
  readonly state: string;
  readonly stdout: readonly string[];
  readonly errors: readonly (readonly [code: string, message: string])[];
  readonly constants: Readonly<Record<string, string>>;
}
/** Where a forward is reached, as the public scripts find it. */
interface ActiveForward {
  readonly applicationPort: number;
  readonly forwarderHost: string;
  readonly forwarderPort: number;
}
type Seen = Readonly<Record<'many' | 'secret' | 'refused' | 'missing' | 'named', Ended>>;

/** What cannot be had on every machine: without it a test says so aloud and is over, but not in CI, which must try it. */
const orNotTried = async <T>(what: string, make: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof PackagesMissing) || process.env['CI'] === 'true') throw error;
    process.stderr.write(`NOT-TRIED-WITH-${what.toUpperCase().replaceAll(' ', '-')}: ${String(error)}\n`);
    return undefined;
  }
};

describe('tasks in images, with the official Python SDK', () => {
  let open: TestRegistry;
  let closed: TestRegistry;
  let platform: RunningPlatform;
  let digest = '';

  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { authorization: platform.token, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${platform.apiUrl}${path}`, { method, headers, ...sent });
    const text = await answer.text();
    expect([path, answer.status, answer.ok ? '' : text]).toEqual([path, answer.status, '']);
    return text === '' ? undefined : JSON.parse(text);
  };
  const submitted = async (profile: string, given: Readonly<Record<string, string>>): Promise<string> => {
    const constants = Object.entries(given).map(([key, value]) => ({ key, value }));
    const task = { name: profile, profile, instanceCount: 1, constants };
    return ((await call('POST', '/tasks', task)) as { readonly uuid: string }).uuid;
  };
  /** The forward of the only instance, once what is behind it answers. */
  const answering = async (
    uuid: string,
    tried: (forward: ActiveForward) => Promise<unknown>,
  ): Promise<ActiveForward> => {
    const found = await eventually(
      async () => {
        const { state, status, errors } = (await call('GET', `/tasks/${uuid}`)) as {
          readonly state: string;
          readonly errors: unknown;
          readonly status: {
            readonly runningInstancesInfo?: {
              readonly perRunningInstanceInfo: readonly { readonly activeForwards: readonly ActiveForward[] }[];
            };
          } | null;
        };
        if (state === 'Failure') return JSON.stringify(errors);
        const [forward] = status?.runningInstancesInfo?.perRunningInstanceInfo[0]?.activeForwards ?? [];
        return forward?.forwarderPort
          ? tried(forward).then(
              () => forward,
              () => undefined,
            )
          : undefined;
      },
      { timeoutMs: 90_000 },
    );
    if (typeof found === 'string') throw new Error(found);
    return found;
  };

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
    const layer = await orNotTried('a real sshd and ssh', async () => {
      await run('ssh', ['-V']).catch((cause: unknown) => {
        throw new PackagesMissing(`ssh: ${String(cause)}`, { cause });
      });
      return sshdLayer();
    });
    if (!layer) return;
    await pushImage(open, { repository: 'team/ssh', tag: 'v1' }, [layer], { Cmd: ['/usr/sbin/sshd', '-D'] });
    const keys = await mkdtemp(join(tmpdir(), 'fornax-ssh-'));
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'mine')]);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, 'other')]);
    const given = {
      DOCKER_SRV: open.url,
      DOCKER_REPO: 'team/ssh',
      DOCKER_TAG: 'v1',
      DOCKER_SSH: (await readFile(join(keys, 'mine.pub'), 'utf8')).trim(),
    };
    const uuid = await submitted('docker-network-ssh', given);

    const sshTo = (
      forward: ActiveForward | undefined,
      key: string,
      ...words: readonly string[]
    ): ReturnType<typeof run> =>
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
    const forward = await answering(uuid, (one) => sshTo(one, 'mine', 'true'));
    const ssh = (key: string, ...words: readonly string[]): ReturnType<typeof run> => sshTo(forward, key, ...words);
    expect((await ssh('mine', 'id -un; pwd; cat /app/mark')).stdout).toBe('root\n/job\nssh\n');
    expect((await ssh('mine', '-tt', 'test -t 0 && echo a terminal')).stdout).toBe('a terminal\r\n');
    await expect(ssh('mine', 'exit 7')).rejects.toMatchObject({ code: 7 });
    await expect(ssh('other', 'true')).rejects.toMatchObject({ code: 255 });
    await call('POST', `/tasks/${uuid}/abort`);
    await rm(keys, { recursive: true, force: true });
  }, 240_000);

  it('show their desktop over VNC to whoever has the password, where the image has an ordinary server', async () => {
    const layer = await orNotTried('a real server of VNC', vncLayer);
    if (!layer) return;
    await pushImage(open, { repository: 'team/vnc', tag: 'v1' }, [layer]);
    // As the guide says it: the shipped document with the team's image.
    const { document } = (await call('GET', '/fornax/v1/profiles/fds-vnc')) as { readonly document: object };
    await call('POST', '/fornax/v1/profiles', { ...document, image: `${new URL(open.url).host}/team/vnc` });
    const uuid = await submitted('fds-vnc', {
      DOCKER_TAG: 'v1',
      VNC_PASSWORD: 'sesame',
      FDS_CMD:
        'printf %s "$VNC_PASSWORD" | tigervncpasswd -f > "$HOME/passwd"; exec Xtigervnc :0 -rfbport 5900 -rfbauth "$HOME/passwd" -geometry 320x200 -depth 24 -retro -desktop fires',
    });
    const { forwarderHost, forwarderPort } = await answering(uuid, (one) =>
      lookAt(one.forwarderHost, one.forwarderPort, 'sesame'),
    );
    // The pattern of a bare screen is black and white.
    const desktop = { name: 'fires', width: 320, height: 200, colors: [0, 0xffffff] };
    expect(await lookAt(forwarderHost, forwarderPort, 'sesame')).toEqual(desktop);
    await expect(lookAt(forwarderHost, forwarderPort, 'open')).rejects.toThrow('refused');
    expect(await call('GET', `/v1/network/tasks/${uuid}/port-forward`)).toEqual({
      '0': {
        vnc: {
          ...{ name: 'vnc', enabled: true, applicationType: 'vnc', proto: 'tcp', port: 5_900, allowedIPs: [] },
          access: { publicHost: forwarderHost, publicPort: forwarderPort },
        },
      },
    });
    await call('POST', `/tasks/${uuid}/abort`);
    const isClosed = (): Promise<boolean> =>
      lookAt(forwarderHost, forwarderPort, 'sesame').then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      );
    await eventually(isClosed, { timeoutMs: 30_000 });
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
