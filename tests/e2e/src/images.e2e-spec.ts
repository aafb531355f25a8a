import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { providePythonSdk, type RunningPlatform, startPlatform, toolsDir } from '@fornax/testing';
import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { pushImage, REGISTRY_LOGIN, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';

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
});
