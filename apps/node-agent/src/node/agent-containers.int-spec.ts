import { ContainerDriver, Engine } from '@fornax/drivers';
import { notTried, startTestEngine, type TestEngine } from '@fornax/testing/engine';
import { busyboxEntries, type LayerEntry, layerOf } from '@fornax/testing/layers';
import { pushImage, REGISTRY_LOGIN, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, describe, expect, it } from '@jest/globals';

import { UserError } from '../failure/user-error.js';
import { EngineImages } from '../images/engine-images.js';
import { TaskImages } from '../instance/task-images.js';
import { aLeaseOrder } from './agent.fixture.js';
import { AgentRig } from './agent-rig.fixture.js';
import { cancelled } from './shutdown.fixture.js';

interface Given {
  readonly rig: AgentRig;
  readonly registry: TestRegistry;
  readonly closed: TestRegistry;
  readonly engine: TestEngine;
  readonly digest: string;
}

const begin = async (): Promise<Given | undefined> => {
  const [registry, closed] = [await startTestRegistry(), await startTestRegistry(true)];
  try {
    const engine = await startTestEngine([registry.url, closed.url]);
    const settings = { Env: ['TOOL=of-image', 'PATH=/bin'], WorkingDir: '/app', Entrypoint: ['/bin/sh', '-c'] };
    // Files of an image keep their rights in an engine, so these are for everybody.
    const open = (await busyboxEntries('engine')).map(([header, content]): LayerEntry => {
      const isFolder = header.type === 'directory';
      return [{ ...header, mode: isFolder || header.name.startsWith('bin/') ? 0o755 : 0o644 }, content ?? ''];
    });
    const layers = [await layerOf(open)];
    const digest = await pushImage(registry, { repository: 'team/tool', tag: 'v1' }, layers, {
      ...settings,
      Volumes: { '/app/data': {} },
    });
    const users = await layerOf([
      [{ name: 'etc', type: 'directory', mode: 0o755 }],
      [{ name: 'lists', type: 'directory', mode: 0o755 }],
      [{ name: 'lists/passwd', mode: 0o644 }, 'root:x:0:0::/root:/bin/sh\ntool:x:1234:5678::/home/tool:/bin/sh\n'],
      [{ name: 'etc/passwd', type: 'symlink', linkname: '../lists/passwd' }],
      [{ name: 'etc/group', mode: 0o644 }, 'staff:x:50:\n'],
      [{ name: 'home/tool', type: 'directory', mode: 0o755 }],
    ]);
    await pushImage(registry, { repository: 'team/users', tag: 'v1' }, [...layers, users], {
      ...settings,
      User: 'tool',
    });
    const circle = await layerOf([[{ name: 'etc/passwd', type: 'symlink', linkname: 'passwd' }]]);
    await pushImage(registry, { repository: 'team/circle', tag: 'v1' }, [...layers, circle], settings);
    await pushImage(closed, { repository: 'team/own', tag: 'v1', isPrivate: true }, layers, settings);
    const rig = await AgentRig.open();
    const client = new Engine(engine.socket);
    rig.driver = (workDir) => new ContainerDriver({ workDir, engine: client });
    rig.images = async (folder) => {
      const bounds = { mostBytes: 100_000_000, pullMs: 60_000, silenceMs: 5_000 };
      const store = await EngineImages.open(client, { ...bounds, file: `${folder}.json`, onError: () => undefined });
      return new TaskImages(store, [registry.url, closed.url], () => {
        throw new UserError('FX-IMAGE', 'there is no image');
      });
    };
    await rig.startAgent();
    return { rig, registry, closed, engine, digest };
  } catch (error) {
    await registry.stop();
    await closed.stop();
    notTried(error);
    return undefined;
  }
};

const given = await begin();
const here = given ? it : it.skip;
afterAll(async () => {
  await given?.rig.closeAgent();
  await given?.rig.close();
  await given?.engine.stop();
  await given?.registry.stop();
  await given?.closed.stop();
});

let tasks = 0;
const run = async (command: string, more: Readonly<Record<string, string>> = {}) => {
  if (!given) throw new Error('there is no engine');
  const { rig } = given;
  const taskId = `task-${(tasks += 1)}`;
  const constants = { DOCKER_CMD: command, DOCKER_REPO: 'team/tool', DOCKER_TAG: 'v1', ...more };
  const pairs = Object.entries(constants).map(([key, value]) => ({ key, value }));
  await rig.platform.order(aLeaseOrder(taskId, '', { taskId, constants: pairs }));
  const end = await rig.ended(taskId, 60_000);
  return { ...end, out: (await rig.platform.output(taskId, 0, 'stdout')).toString() };
};

describe('a task on a node with a container engine', () => {
  here(
    'runs in the image that it names, pulled by its digest once for all',
    async () => {
      const script = `'cat mark; pwd; echo $TOOL; touch /app/x /app/data/x 2>/dev/null || echo read-only; touch /job/x && echo job'`;
      const all = await Promise.all([run(script), run(script)]);
      for (const end of all)
        expect(end).toMatchObject({
          outcome: 'success',
          out: 'engine\n/app\nof-image\nread-only\njob\n',
          notes: expect.arrayContaining([expect.stringContaining(`team/tool:v1, ${given?.digest}`)]),
        });
      const blobs = (await given?.registry.given())?.filter((path) => path.includes('/blobs/'));
      expect(new Set(blobs).size).toBe(blobs?.length);
    },
    90_000,
  );

  here(
    'has an image of a private registry by its own login alone',
    async () => {
      const own = { DOCKER_SRV: given?.closed.url ?? '', DOCKER_REPO: 'team/own' };
      const login = { DOCKER_REGISTRY_LOGIN: REGISTRY_LOGIN.user, DOCKER_REGISTRY_PASSWORD: REGISTRY_LOGIN.password };
      expect(await run(`'echo in'`, { ...own, ...login })).toMatchObject({ outcome: 'success', out: 'in\n' });
      expect(await run(`'echo in'`, own)).toMatchObject({ cause: 'user', error: { code: 'FX-IMAGE-ACCESS' } });
    },
    60_000,
  );

  here(
    'runs the shutdown command in the container of one that is cancelled',
    async () => {
      if (!given) return;
      const image = { DOCKER_REPO: 'team/tool', DOCKER_TAG: 'v1' };
      const command = `'trap "echo told; exit" TERM; echo up; while :; do sleep 0.05; done'`;
      const shutdown = `/bin/sh -c 'cat mark; echo $TOOL; exit 3'`;
      const end = await cancelled(given.rig, shutdown, { ...image, DOCKER_CMD: command });
      expect(end).toMatchObject({ outcome: 'cancelled', out: 'up\nengine\nof-image\ntold\n' });
      expect(end.notes).toContain('DOCKER_SHUTDOWN_CMD exited with code 3');
    },
    60_000,
  );

  here(
    'says what is wrong with an image, a folder and a program that are not there',
    async () => {
      const failed = (code: string) => ({ outcome: 'failure', cause: 'user', error: { code } });
      expect(await run('true', { DOCKER_TAG: 'v2' })).toMatchObject(failed('FX-IMAGE'));
      expect(await run('true', { DOCKER_WORKDIR: '/nosuch' })).toMatchObject({ ...failed('FX-EXIT'), exitCode: 127 });
      expect(await run(`'exec /no/such'`)).toMatchObject({ ...failed('FX-EXIT'), exitCode: 127 });
    },
    60_000,
  );

  here(
    'runs as the user that the task or the image names, who is nobody on the machine',
    async () => {
      const script = `'id -u; id -g; touch /job/mine && stat -c %u:%g /job/mine; id -un; chown 1 /job/mine 2>/dev/null || echo refused'`;
      const as = async (user: string, repository = 'team/users') =>
        run(script, { DOCKER_REPO: repository, DOCKER_USER: user });
      expect(await as('')).toMatchObject({ outcome: 'success', out: '1234\n5678\n1234:5678\ntool\nrefused\n' });
      expect(await as('77:staff')).toMatchObject({
        outcome: 'success',
        out: expect.stringMatching(/^77\n50\n77:50\n.*refused\n$/s),
      });
      expect(await as('root')).toMatchObject({ outcome: 'success', out: '0\n0\n0:0\nroot\nrefused\n' });
      const notes = (await as('root')).notes ?? [];
      expect(notes.filter((note) => note.includes('no effect'))).toEqual([]);
      for (const odd of ['nosuch', 'tool:nosuch', '1;2', '../x', 'tool:50:7'])
        expect(await as(odd)).toMatchObject({ cause: 'user', error: { code: 'FX-CONSTANT' } });
      expect(await as('tool', 'team/circle')).toMatchObject({ cause: 'user', error: { code: 'FX-CONSTANT' } });
      // What looked into images has left nothing.
      const client = new Engine(given?.engine.socket ?? '');
      expect(await client.withLabel('org.fornax.look')).toEqual([]);
    },
    120_000,
  );

  here(
    'gets nothing of the machine by its constants',
    async () => {
      const wishes = {
        DOCKER_HOST: 'unix:///var/run/docker.sock',
        DOCKER_USER: '0:0',
        DOCKER_WORKDIR: '/app/../app',
        HostConfig: '{"Privileged":true,"Binds":["/:/host"]}',
        DOCKER_SRV: given?.registry.url ?? '',
      };
      const seen = await run(`'ls /host 2>/dev/null; id -u; cat /proc/self/status'`, wishes);
      expect(seen).toMatchObject({ outcome: 'success' });
      // It takes itself for root, and is nobody on the machine.
      expect(seen.out).toMatch(/^0$/m);
      expect(seen.out).toMatch(/^CapEff:\t0{16}$/m);
      expect(seen.out).toMatch(/^CapBnd:\t0{16}$/m);
      const odd = await run('true', { DOCKER_REPO: 'team/tool:v1 --privileged' });
      expect(odd).toMatchObject({ cause: 'user', error: { code: 'FX-IMAGE' } });
    },
    60_000,
  );
});
