import { readdir } from 'node:fs/promises';

import { eventually } from '@fornax/testing';
import { pushImage, startTestRegistry, type TestRegistry } from '@fornax/testing/registry';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { busyboxEntries, layerOf } from '@fornax/testing/layers';
import { ImageStore } from '../images/image-store.js';
import { TaskImages } from '../instance/task-images.js';
import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const CASES = (await levelsHere()).flatMap((level) =>
  (['overlay', 'copies'] as const).map((changes) => [level, changes] as const),
);

describe.each(CASES)('the image of a task, at level %s, changed in the way of %s', (level, changes) => {
  let rig: AgentRig;
  let registry: TestRegistry;
  let digest = '';
  beforeAll(async () => {
    registry = await startTestRegistry();
    const layers = [
      await layerOf(await busyboxEntries('first')),
      await layerOf([[{ name: 'app/second' }, 'second\n'], [{ name: 'app/.wh.mark' }]]),
    ];
    digest = await pushImage(registry, { repository: 'team/tool', tag: 'v1' }, layers, {
      Env: ['TOOL=from-image', 'PATH=/bin', 'SHARED=image'],
      WorkingDir: '/app',
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['cat second; pwd'],
    });
    rig = await AgentRig.open(level);
    rig.changes = changes;
    rig.images = async (folder, driver) => {
      const store = await ImageStore.open({
        folder,
        mostBytes: 100_000_000,
        pullMs: 60_000,
        silenceMs: 5_000,
        onForget: (tree) => driver.forget(tree),
        onError: () => undefined,
      });
      return new TaskImages(store, [registry.url]);
    };
  }, 120_000);
  afterAll(async () => {
    await rig.close();
    await registry.stop();
  });
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  let tasks = 0;
  const named = [
    { key: 'DOCKER_REPO', value: 'team/tool' },
    { key: 'DOCKER_TAG', value: 'v1' },
  ];
  /** Runs a command in the image to its end. */
  const run = async (command: string, more: Readonly<Record<string, string>> = {}) => {
    const taskId = `task-${(tasks += 1)}`;
    const constants = { DOCKER_CMD: command, DOCKER_REPO: 'team/tool', DOCKER_TAG: 'v1', ...more };
    const pairs = Object.entries(constants).map(([key, value]) => ({ key, value }));
    await rig.platform.order(aLeaseOrder(taskId, '', { taskId, constants: pairs }));
    const end = await rig.ended(taskId, 60_000);
    const read = async (stream: 'stdout' | 'stderr'): Promise<string> =>
      (await rig.platform.output(taskId, 0, stream)).toString();
    return { ...end, out: await read('stdout'), err: await read('stderr') };
  };

  it('is what the command sees: its files, environment, entrypoint, command and folder', async () => {
    expect(await run('')).toMatchObject({
      outcome: 'success',
      out: 'second\n/app\n',
      notes: [expect.stringMatching(new RegExp(`^It ran in the image 127.0.0.1:\\d+/team/tool:v1, ${digest}$`))],
      image: digest,
    });
    expect(rig.platform.reports.find(({ kind }) => kind === 'started')).toMatchObject({ image: digest });
    const script = `'echo "$TOOL $SHARED $PATH $HOME"; ls / ; ls -l /bin/busybox; cat /etc/hosts; test -e /usr || echo no-usr'`;
    const seen = await run(script, { SHARED: 'task', DOCKER_WORKDIR: '/job' });
    expect(seen).toMatchObject({ outcome: 'success', err: '' });
    expect(seen.out).toContain('from-image task /bin /tmp\n');
    expect(seen.out).toContain('no-usr');
    expect(seen.out).toMatch(/^-rwxr-xr-x .* \/bin\/busybox$/m);
    expect(seen.out).toMatch(/^job$/m);
  });

  it('is changed by each instance for itself: what it writes beside its program is gone with it, and counted', async () => {
    const changes = `'echo more >> /app/second && cat /app/second && touch /bin/new && /bin/busybox rm /app/second && ls /app; touch /new 2>/dev/null || echo top; touch /job/a /tmp/b /dev/shm/c && echo written; while ! test -e /app/end; do sleep 0.1; done'`;
    const long = { key: 'DOCKER_CMD', value: changes };
    await rig.platform.order(aLeaseOrder('changes', '', { taskId: 'changes', constants: [...named, long] }));
    const out = async (): Promise<string> => (await rig.platform.output('changes', 0, 'stdout')).toString();
    await eventually(async () => (await out()).includes('written'), { timeoutMs: 30_000 });
    expect(await out()).toBe('second\nmore\ntop\nwritten\n');
    // Another one beside it, and a later one.
    const looks = `'cat second; ls /bin/new 2>/dev/null || echo none'`;
    expect(await run(looks)).toMatchObject({ outcome: 'success', out: 'second\nnone\n' });
    await rig.platform.order({ kind: 'cancel', leaseId: 'changes', taskId: 'changes' });
    expect(await rig.ended('changes')).toMatchObject({ outcome: 'cancelled' });
    expect(await run(looks)).toMatchObject({ outcome: 'success', out: 'second\nnone\n' });
    // The bound of the disk is that of /job, also for what has no name any more.
    const fill = `'exec 3> /app/big; /bin/busybox rm /app/big; while true; do /bin/busybox dd if=/dev/zero bs=1000000 count=50 >&3 2>/dev/null; done'`;
    expect(await run(fill)).toMatchObject({ outcome: 'failure', cause: 'limit', error: { code: 'FX-DISK-LIMIT' } });
  }, 60_000);

  it('runs as the user that the task or the image names, who is nobody on the machine', async () => {
    const layer = await layerOf([
      ...(await busyboxEntries('users')),
      [{ name: 'etc', type: 'directory' }],
      [{ name: 'lists', type: 'directory' }],
      [{ name: 'lists/passwd' }, 'root:x:0:0::/root:/bin/sh\ntool:x:1234:5678::/home/tool:/bin/sh\n'],
      [{ name: 'etc/passwd', type: 'symlink', linkname: '../lists/passwd' }],
      [{ name: 'etc/group' }, 'staff:x:50:\n'],
      [{ name: 'home/tool', type: 'directory' }],
    ]);
    await pushImage(registry, { repository: 'team/users', tag: 'v1' }, [layer], { User: 'tool' });
    const script = `sh -c 'id -u; id -g; echo $HOME; touch /app/mine $HOME/mine /job/mine && stat -c %u /app/mine /job/mine; ls /root 2>/dev/null; echo $(id -un)'`;
    const as = async (user: string) => run(script, { DOCKER_REPO: 'team/users', DOCKER_USER: user });
    expect(await as('')).toMatchObject({
      outcome: 'success',
      err: '',
      out: '1234\n5678\n/home/tool\n1234\n1234\ntool\n',
    });
    expect(await as('77:staff')).toMatchObject({
      outcome: 'success',
      out: expect.stringMatching(/^77\n50\n\/tmp\n77\n77\n/),
    });
    expect(await as('root')).toMatchObject({
      outcome: 'success',
      out: expect.stringMatching(/^0\n0\n\/tmp\n0\n0\nroot\n/),
    });
    for (const odd of ['nosuch', 'tool:nosuch', '1;2', '-1', '../x', 'a b', '99999999999', 'tool:50:7'])
      expect(await as(odd)).toMatchObject({ cause: 'user', error: { code: 'FX-CONSTANT' } });
  }, 60_000);

  it('leads nobody out by links at its top, however they are named', async () => {
    const layer = await layerOf([
      ...(await busyboxEntries('links')),
      [{ name: 'etc', type: 'symlink', linkname: '/oldroot/etc' }],
      [{ name: 'dashes', type: 'symlink', linkname: `--target-directory=${rig.folder}` }],
      [{ name: 'go' }, 'mine'],
      [{ name: 'run', type: 'symlink', linkname: '/.fornax' }],
      [{ name: 'job', type: 'symlink', linkname: '/.fornax' }],
    ]);
    await pushImage(registry, { repository: 'team/links', tag: 'v1' }, [layer]);
    const script = `sh -c 'readlink /dashes; cat /go /proc/self/mountinfo; test -f /etc/resolv.conf && test ! -L /etc && echo own'`;
    const seen = await run(script, { DOCKER_REPO: 'team/links' });
    expect(seen).toMatchObject({ outcome: 'success', err: '' });
    expect(seen.out).toContain(`--target-directory=${rig.folder}\nmine`);
    expect(seen.out).toMatch(/^own$/m);
    expect(seen.out).not.toContain('/apart');
    const shown = seen.out.split('\n').filter((line) => line.includes('/images/'));
    expect(shown.map((line) => line.split(' ')[4]).sort()).toEqual(['/app', '/bin', '/etc', '/go']);
    expect(await readdir(rig.folder)).not.toContain('dashes');
  });

  it('says what is wrong with a folder, a name and a program that are not there', async () => {
    expect(await run('true', { DOCKER_WORKDIR: '/nosuch' })).toMatchObject({
      outcome: 'failure',
      cause: 'user',
      error: { code: 'FX-CONSTANT', message: expect.stringContaining('no such folder in the image') },
    });
    expect(await run('true', { DOCKER_TAG: 'v2' })).toMatchObject({
      cause: 'user',
      error: { code: 'FX-IMAGE', message: expect.stringContaining('has no image') },
    });
    expect(await run('true', { DOCKER_SRV: 'http://169.254.169.254' })).toMatchObject({
      cause: 'user',
      error: { code: 'FX-IMAGE', message: expect.stringContaining('does not pull images from') },
    });
  });

  it('is run again by the next instance at once, while others run in it', async () => {
    const cmd = { key: 'DOCKER_CMD', value: `'cat second; while ! test -e /job/never; do sleep 0.1; done'` };
    await rig.platform.order(aLeaseOrder('long', '', { taskId: 'long', constants: [...named, cmd] }));
    await eventually(async () => (await rig.platform.output('long', 0, 'stdout')).length > 0, { timeoutMs: 30_000 });
    expect(await run(`'cat second'`)).toMatchObject({ outcome: 'success', out: 'second\n' });
    await rig.platform.order({ kind: 'cancel', leaseId: 'long', taskId: 'long' });
    expect(await rig.ended('long')).toMatchObject({ outcome: 'cancelled' });
  });
});
