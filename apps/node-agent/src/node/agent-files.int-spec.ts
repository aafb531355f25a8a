import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

let rig: AgentRig;
beforeAll(async () => {
  rig = await AgentRig.open();
}, 120_000);
afterAll(() => rig.close());

describe('the files of an agent', () => {
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  it('brings results although its clock is an hour behind that of the storage', async () => {
    rig.objects.aheadMs = 3_600_000;
    const results = { bucket: 'results', prefix: null, whitelist: null, blacklist: null };
    await rig.platform.order(aLeaseOrder('late', "sh -c 'echo x > out'", { results }));
    expect(await rig.ended('late')).toMatchObject({ outcome: 'success', uploadedFiles: 1 });
    rig.objects.aheadMs = 0;
  }, 60_000);

  it('brings inputs and takes back what is new or changed, by filter', async () => {
    rig.objects.objects.set('in/data/a b.txt', Buffer.from('A'));
    rig.objects.objects.set('in/data/sub/b.txt', Buffer.from('B'));
    rig.objects.objects.set('in/other', Buffer.from('no'));
    rig.objects.objects.set('second/sub/b.txt', Buffer.from('B2'));
    rig.objects.failures = 2;
    await rig.platform.order(
      aLeaseOrder(
        'files',
        `sh -c 'cat "a b.txt" sub/b.txt > joined.out; echo more >> "a b.txt"; touch skip.tmp; ln -s /etc/passwd leak.out; find . -type f | sort'`,
        {
          resources: [{ bucket: 'in', prefix: 'data/', stripPrefix: 'data/' }, { bucket: 'second' }],
          results: { bucket: 'out', prefix: 'run-1/', whitelist: 'out$|txt$|tmp$', blacklist: '\\.tmp$' },
        },
      ),
    );
    const ended = await rig.ended('files');
    expect(ended).toMatchObject({
      outcome: 'success',
      uploadedFiles: 2,
      results: ['a b.txt', 'joined.out'],
      manifest: expect.any(String),
      uploadedBytes: 'AB2'.length + 'Amore\n'.length,
      notes: ['No results, since they are links that lead out of the job: "leak.out"'],
    });
    const stored = Object.fromEntries(
      [...rig.objects.objects]
        .filter(([path]) => path.startsWith('out/'))
        .map(([path, data]) => [path, data.toString()]),
    );
    expect(stored).toEqual({ 'out/run-1/joined.out': 'AB2', 'out/run-1/a b.txt': 'Amore\n' });
    const digest = 'manifest' in ended ? String(ended.manifest) : '';
    const list = rig.objects.objects.get(`.manifests/task-1/${digest}.json`) ?? Buffer.from('');
    const sumOf = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(sumOf(list)).toBe(digest);
    expect(JSON.parse(list.toString())).toEqual({
      format: 1,
      taskId: 'task-1',
      instance: 0,
      attempt: 1,
      bucket: 'out',
      folder: 'run-1/',
      isWhole: true,
      files: [
        { path: 'a b.txt', size: 6, mode: 0o644, sha256: sumOf('Amore\n') },
        { path: 'joined.out', size: 3, mode: 0o644, sha256: sumOf('AB2') },
      ],
      leftOut: [{ path: 'leak.out', why: 'links that lead out of the job' }],
    });
  });

  it('stores empty files and folders that the command made, alone and among others, and names them in the list', async () => {
    rig.objects.objects.set('in/brought/', Buffer.from(''));
    const sha256 = createHash('sha256').digest('hex');
    const folder = (path: string) => ({ path, size: 0, mode: 0o755, sha256 });
    const cases = [
      ['one', 'mkdir -p out/empty', [folder('out/empty/')]],
      [
        'several',
        'mkdir -p out/empty other; touch out/nothing',
        [folder('other/'), folder('out/empty/'), { path: 'out/nothing', size: 0, mode: 0o644, sha256 }],
      ],
    ] as const;
    for (const [name, command, files] of cases) {
      const results = { bucket: 'kept', prefix: `${name}/`, whitelist: null, blacklist: null };
      const order = { resources: [{ bucket: 'in', prefix: 'brought/' }], results };
      await rig.platform.order(aLeaseOrder(name, `sh -c '${command}'`, order));
      const ended = await rig.ended(name);
      expect(ended).toMatchObject({
        outcome: 'success',
        uploadedFiles: files.length,
        uploadedBytes: 0,
        results: files.map(({ path }) => path),
      });
      const digest = 'manifest' in ended ? String(ended.manifest) : '';
      const list = rig.objects.objects.get(`.manifests/task-1/${digest}.json`) ?? Buffer.from('{}');
      expect(JSON.parse(list.toString())).toMatchObject({ isWhole: true, files });
      const { objects, modes } = rig.objects;
      for (const { path } of files) expect(objects.get(`kept/${name}/${path}`)?.byteLength).toBe(0);
      expect(modes.get(`kept/${name}/out/empty/`)).toBe('40755');
    }
  });

  it('brings a hundred resources, some at a time; of those that hold one path the last one wins', async () => {
    const names = Array.from({ length: 100 }, (_, at) => String(at).padStart(3, '0'));
    for (const name of names) {
      rig.objects.objects.set(`hundred/${name}/own-${name}`, Buffer.from(name));
      rig.objects.objects.set(`hundred/${name}/shared`, Buffer.from(`of ${name}`));
    }
    // Nobody is answered until so many have asked: one after the other they would wait for ever.
    const gates = ['list', 'read'].map(() => ({ ...Promise.withResolvers<undefined>(), asked: 0 }));
    rig.objects.arriving = (request) => {
      const [list, read] = gates;
      const gate = !request.startsWith('GET hundred') ? undefined : request.includes('list-type') ? list : read;
      if (!gate) return undefined;
      gate.asked += 1;
      if (gate.asked === 8) gate.resolve(undefined);
      return gate.promise;
    };
    const resources = names.map((name) => ({ bucket: 'hundred', prefix: `${name}/`, stripPrefix: `${name}/` }));
    const results = { bucket: 'out', prefix: 'hundred/', whitelist: 'count', blacklist: null };
    const command = `sh -c 'ls own-* shared | wc -l > count; cat own-* shared | md5sum >> count'`;
    await rig.platform.order(aLeaseOrder('hundred', command, { resources, results }));
    try {
      expect(await rig.ended('hundred', 60_000)).toMatchObject({ outcome: 'success' });
    } finally {
      rig.objects.arriving = undefined;
    }
    const sum = createHash('md5')
      .update(`${names.join('')}of 099`)
      .digest('hex');
    expect(rig.objects.objects.get('out/hundred/count')?.toString()).toBe(`101\n${sum}  -\n`);
  }, 90_000);

  it('fetches what the grant says of what the order names, and tells of what is not there', async () => {
    rig.objects.objects.set('parts/7/mine', Buffer.from('mine'));
    rig.objects.objects.set('parts/8/other', Buffer.from('other'));
    rig.platform.inputs.set('seventh', [
      { bucket: 'parts', prefix: '7/', stripPrefix: '7/' },
      { bucket: 'parts', prefix: 'nothing-7/' },
      { bucket: 'bare' },
      { bucket: 'bare' },
    ]);
    const resources = [{ bucket: 'parts', prefix: '${INSTANCE_ID}/', stripPrefix: '${INSTANCE_ID}/' }];
    await rig.platform.order(aLeaseOrder('seventh', 'ls', { resources, instance: 7 }));
    expect(await rig.ended('seventh')).toMatchObject({
      outcome: 'success',
      notes: [
        'No inputs: the bucket "parts" has no object whose key begins with "nothing-7/"',
        'No inputs: the bucket "bare" is empty',
      ],
    });
    expect((await rig.platform.output('task-1', 7, 'stdout')).toString()).toBe('mine\n');
  });

  it('fails by the name of an object that is deleted between its listing and its fetching', async () => {
    rig.objects.objects.set('in/there', Buffer.from('1'));
    rig.objects.objects.set('in/a b', Buffer.from('2'));
    rig.objects.gone.add('in/a b');
    await rig.platform.order(aLeaseOrder('vanished', 'ls', { resources: [{ bucket: 'in' }] }));
    expect(await rig.ended('vanished')).toMatchObject({
      outcome: 'failure',
      cause: 'user',
      error: { code: 'FX-INPUT', message: 'The object a b of the bucket in was deleted while it was being fetched' },
    });
    rig.objects.gone.clear();
  });

  it('records what it brought, runs a pinned instance with the same and no more, and never with other bytes', async () => {
    const { objects, modes } = rig.objects;
    const resources = [{ bucket: 'pins', prefix: 'a/', stripPrefix: 'a/' }];
    objects.set('pins/a/tool', Buffer.from('#!/bin/sh\necho first\n'));
    modes.set('pins/a/tool', '100755');
    objects.set('pins/a/kept', Buffer.from('kept'));
    objects.set('pins/a/empty/', Buffer.from(''));
    const run = async (leaseId: string, own: object = {}, taskId = 'task-pins'): Promise<object> => {
      await rig.platform.order(aLeaseOrder(leaseId, "sh -c './tool; ls'", { taskId, resources, ...own }));
      return rig.ended(leaseId);
    };
    const first = await run('recorded');
    expect(first).toMatchObject({ outcome: 'success', inputs: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const digest = 'inputs' in first ? String(first.inputs) : '';
    const list = objects.get(`.manifests/task-pins/inputs-${digest}.json`) ?? Buffer.from('');
    const sumOf = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(sumOf(list)).toBe(digest);
    const about = { bucket: 'pins', lastModified: '', isExecutable: false, etag: expect.any(String) };
    expect(JSON.parse(list.toString())).toEqual({
      format: 1,
      objects: [
        { ...about, path: 'empty/', key: 'a/empty/', size: 0 },
        { ...about, path: 'kept', key: 'a/kept', size: 4, sha256: sumOf('kept') },
        {
          ...about,
          path: 'tool',
          key: 'a/tool',
          size: 21,
          sha256: sumOf('#!/bin/sh\necho first\n'),
          isExecutable: true,
        },
      ],
    });

    // What came since is not for it; what it had and was replaced may come from the node, byte for byte.
    objects.set('.manifests/task-pinned/inputs-' + digest + '.json', list);
    objects.set('pins/a/later', Buffer.from('later'));
    objects.set('pins/a/tool', Buffer.from('#!/bin/sh\necho other\n'));
    rig.platform.own.set('pinned', { pin: digest });
    expect(await run('pinned', {}, 'task-pinned')).toMatchObject({ outcome: 'success', inputs: digest });
    expect((await rig.platform.output('task-pinned', 0, 'stdout')).toString()).toBe('first\nempty\nkept\ntool\n');

    // Another owner's cache has none of it: the storage has other bytes, which it does not get.
    const changed = (key: string, how: string): object => ({
      outcome: 'failure',
      cause: 'user',
      error: {
        code: 'FX-INPUT-CHANGED',
        message: `The input "${key}" of the bucket pins ${how}, and the task is pinned to what it was`,
      },
    });
    const pin = (leaseId: string): void => void rig.platform.own.set(leaseId, { pin: digest });
    pin('replaced');
    expect(await run('replaced', { owner: 'account-2' }, 'task-pinned')).toMatchObject(
      changed('a/tool', 'has other content now'),
    );
    objects.delete('pins/a/tool');
    pin('deleted');
    expect(await run('deleted', { owner: 'account-3' }, 'task-pinned')).toMatchObject(changed('a/tool', 'is deleted'));
    objects.set('pins/a/tool', Buffer.from('#!/bin/sh\necho first\n'));
    modes.set('pins/a/tool', '100644');
    pin('unexecutable');
    expect(await run('unexecutable', { owner: 'account-4' }, 'task-pinned')).toMatchObject(
      changed('a/tool', 'has another mode now'),
    );
    pin('elsewhere');
    expect(await run('elsewhere', { resources: [{ bucket: 'pins', prefix: 'b/' }] }, 'task-pinned')).toMatchObject({
      cause: 'user',
      error: { code: 'FX-INPUT-CHANGED', message: expect.stringContaining('is in none of the resources') },
    });
    objects.set('.manifests/task-pinned/inputs-' + digest + '.json', Buffer.from('{}'));
    pin('forged');
    expect(await run('forged', {}, 'task-pinned')).toMatchObject({ outcome: 'failure', cause: 'platform' });
  }, 60_000);

  it('gives an instance its row of the table, and its results the folder of the grant', async () => {
    const results = { bucket: 'out', prefix: '${SHOT}/', whitelist: '^${SHOT}', blacklist: null };
    rig.platform.own.set('with-row', { row: { SHOT: 'intro', N: 'more than ${SHOT}' }, resultsFolder: 'cut/intro/' });
    const order = aLeaseOrder('with-row', '', {
      constants: [
        { key: 'DOCKER_CMD', value: `sh -c 'echo "$SHOT, $N" > \${SHOT}.txt; touch other'` },
        { key: 'SHOT', value: 'of the task' },
      ],
      secretKeys: ['SHOT', 'N'],
      results,
    });
    await rig.platform.order(order);
    expect(await rig.ended('with-row')).toMatchObject({
      outcome: 'success',
      results: ['intro.txt'],
      folder: 'cut/intro/',
    });
    expect(rig.objects.objects.get('out/cut/intro/intro.txt')?.toString()).toBe('intro, more than intro\n');
  });

  it('gives instances what earlier ones fetched, as files that none of them can change for the others', async () => {
    const large = Buffer.alloc(20_000_000, 'large ');
    rig.objects.objects.set('in/large', large);
    rig.objects.objects.set('in/tool', Buffer.from('#!/bin/sh\necho it runs\n'));
    rig.objects.modes.set('in/tool', '100755');
    const taskId = 'task-cached';
    const spoil =
      'echo spoilt >> large; chmod u+w large; echo spoilt > large; dd if=/dev/zero of=large bs=1 count=9 conv=notrunc';
    const command = `sh -c './tool; sha256sum large; ${spoil}; echo mine >> tool; rm -f large; echo gone'`;
    for (const instance of [0, 1, 2]) {
      const lease = `cached-${instance}`;
      await rig.platform.order(aLeaseOrder(lease, command, { resources: [{ bucket: 'in' }], taskId, instance }));
      expect(await rig.ended(lease, 30_000)).toMatchObject({ outcome: 'success' });
      const printed = (await rig.platform.output(taskId, instance, 'stdout')).toString();
      expect(printed).toBe(`it runs\n${createHash('sha256').update(large).digest('hex')}  large\ngone\n`);
    }
    const gets = rig.objects.requests.filter((request) => /^GET in\/(large|tool)/.test(request));
    expect(gets.sort()).toEqual(['GET in/large', 'GET in/tool']);
  }, 60_000);

  it('finds nothing by the names of another owner, nor what is to be kept for no time', async () => {
    rig.objects.objects.set('in/secret', Buffer.from('secret'));
    const run = async (lease: string, owner: string, cacheTtlSeconds?: number): Promise<number> => {
      const resources = [{ bucket: 'in', ...(cacheTtlSeconds === undefined ? {} : { cacheTtlSeconds }) }];
      const before = rig.objects.requests.length;
      await rig.platform.order(aLeaseOrder(lease, 'cat secret', { resources, owner }));
      expect(await rig.ended(lease)).toMatchObject({ outcome: 'success' });
      return rig.objects.requests.slice(before).filter((request) => request === 'GET in/secret').length;
    };
    expect(await run('hers', 'ada')).toBe(1);
    expect(await run('hers-again', 'ada')).toBe(0);
    expect(await run('his', 'bob')).toBe(1);
    expect(await run('unkept', 'ada', 0)).toBe(1);
  }, 60_000);

  it('waits for a storage that fails, says why meanwhile, and stores its results then', async () => {
    const results = { bucket: 'results', prefix: null, whitelist: null, blacklist: null };
    const waiting = (): readonly string[] =>
      rig.platform.live.flatMap(({ instances }) => instances.flatMap((one) => one.waiting ?? []));
    rig.objects.failures = Infinity;
    try {
      await rig.platform.order(aLeaseOrder('patient', "sh -c 'echo x > out'", { results }));
      await eventually(() => waiting().length > 0, { timeoutMs: 90_000 });
      expect(waiting()[0]).toContain('503 SlowDown');
      expect(rig.platform.kindsOf('patient')).toEqual(['started', 'exited']);
    } finally {
      rig.objects.failures = 0;
    }
    expect(await rig.ended('patient', 60_000)).toMatchObject({ outcome: 'success', uploadedFiles: 1 });
    expect(rig.objects.objects.get('results/out')?.toString()).toBe('x\n');
  }, 180_000);

  it('uploads a big file in parts, whole', async () => {
    await rig.platform.order(
      aLeaseOrder('big', 'sh -c "head -c 150000000 /dev/urandom > big; sha256sum big"', {
        results: { bucket: 'out', prefix: null, whitelist: null, blacklist: null },
      }),
    );
    expect(await rig.ended('big', 120_000)).toMatchObject({
      outcome: 'success',
      uploadedFiles: 1,
      uploadedBytes: 150_000_000,
    });
    expect(rig.objects.objects.get('out/big')?.length).toBe(150_000_000);
  }, 150_000);

  it('uploads a sparse file with all that it says it holds, in less room than that', async () => {
    const size = 150_000_000;
    const sparse = `truncate -s ${size - 3} sparse; printf end >> sparse; stat -c %b sparse`;
    await rig.platform.order(
      aLeaseOrder('sparse', `sh -c '${sparse}'`, {
        diskMB: 100,
        results: { bucket: 'out', prefix: null, whitelist: null, blacklist: null },
      }),
    );
    expect(await rig.ended('sparse', 120_000)).toMatchObject({
      outcome: 'success',
      uploadedFiles: 1,
      uploadedBytes: size,
    });
    const stored = rig.objects.objects.get('out/sparse') ?? Buffer.alloc(0);
    expect(stored.length).toBe(size);
    expect(stored.subarray(0, size - 3).equals(Buffer.alloc(size - 3))).toBe(true);
    expect(stored.subarray(size - 3).toString()).toBe('end');
    rig.objects.objects.delete('out/sparse');
  }, 150_000);

  it('goes on with an upload in parts where its storage failed half-way, and stores it whole', async () => {
    const results = { bucket: 'out', prefix: null, whitelist: null, blacklist: null };
    const isPart = (request: string): boolean => request.startsWith('PUT out/halved');
    let failed = 0;
    // The second part fails twice; those before and behind it are stored.
    rig.objects.failsAt = (request) => {
      const fails = isPart(request) && request.includes('partNumber=2') && failed < 2;
      if (fails) failed += 1;
      return fails;
    };
    try {
      await rig.platform.order(
        aLeaseOrder('halved', 'sh -c "head -c 150000000 /dev/urandom > halved; sha256sum halved"', { results }),
      );
      expect(await rig.ended('halved', 120_000)).toMatchObject({ outcome: 'success', uploadedBytes: 150_000_000 });
    } finally {
      rig.objects.failsAt = undefined;
    }
    expect(rig.objects.objects.get('out/halved')?.length).toBe(150_000_000);
    const parts = rig.objects.requests.filter(isPart).map((request) => /partNumber=(\d+)/.exec(request)?.[1]);
    expect([failed, parts.filter((part) => part === '2').length]).toEqual([2, 3]);
  }, 150_000);

  it('refuses inputs that would lead out of the job', async () => {
    rig.objects.objects.set('in/../../../etc/x', Buffer.from('evil'));
    await rig.platform.order(aLeaseOrder('evil', 'true', { resources: [{ bucket: 'in' }] }));
    expect(await rig.ended('evil')).toMatchObject({ outcome: 'failure', cause: 'user', error: { code: 'FX-INPUT' } });
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('cancels politely, then hard; uploads if asked: %s', async (uploadResultsOnCancellation, uploadedFiles) => {
    await rig.platform.order(
      aLeaseOrder('cancel', `sh -c 'trap "echo bye > bye" TERM; touch up; while :; do sleep 0.05; done'`, {
        uploadResultsOnCancellation,
        results: { bucket: 'out', prefix: null, whitelist: 'bye', blacklist: null },
      }),
    );
    await eventually(async () => (await readdir(join(rig.workDir, 'instances', 'cancel', 'job'))).includes('up'));
    await rig.platform.order({ kind: 'cancel', leaseId: 'cancel', taskId: 'task-1' });
    expect(await rig.ended('cancel')).toMatchObject({ outcome: 'cancelled', uploadedFiles });
    expect(rig.objects.objects.has('out/bye')).toBe(uploadResultsOnCancellation);
  });

  it('brings new and changed inputs to a running instance when it is told, and leaves the others and the results alone', async () => {
    const put = (key: string, text: string) => rig.objects.objects.set(key, Buffer.from(text));
    put('in/a/changes', 'old');
    put('in/a/stays', 'same');
    put('in/a/goes', 'gone soon');
    const wait =
      'until [ "$(cat changes)" = new ] && [ -e deep/added ]; do sleep 0.05; done; cat stays goes; echo result > out';
    await rig.platform.order(
      aLeaseOrder('refreshed', `sh -c 'echo mine >> stays; touch up; ${wait.replaceAll("'", '"')}'`, {
        resources: [{ bucket: 'in', prefix: 'a/', stripPrefix: 'a/' }],
        results: { bucket: 'out', prefix: null, whitelist: null, blacklist: '^(up|stays)$' },
        taskId: 'task-refreshed',
      }),
    );
    await eventually(async () => (await readdir(join(rig.workDir, 'instances', 'refreshed', 'job'))).includes('up'));
    put('in/a/changes', 'new');
    put('in/a/deep/added', 'fresh');
    rig.objects.objects.delete('in/a/goes');
    const requestsBefore = rig.objects.requests.length;
    const order = { kind: 'resources', leaseId: 'refreshed', taskId: 'task-refreshed', update: 1 } as const;
    await rig.platform.order(order, order, { ...order, leaseId: 'unknown' });
    const ended = await rig.ended('refreshed');
    expect(ended).toMatchObject({ outcome: 'success', uploadedFiles: 1 });
    // The list of what it had in the end, which nobody is pinned to.
    const digest = 'inputs' in ended ? String(ended.inputs) : '';
    const list = rig.objects.objects.get(`.manifests/task-refreshed/inputs-${digest}.json`)?.toString() ?? '{}';
    expect(JSON.parse(list)).toMatchObject({ refreshed: true, objects: { length: 4 } });
    expect((await rig.platform.output('task-refreshed', 0, 'stdout')).toString()).toBe('samemine\ngone soon');
    expect(rig.objects.objects.get('out/out')?.toString()).toBe('result\n');
    const gets = rig.objects.requests.slice(requestsBefore).filter((request) => /^GET in\/a/.test(request));
    expect(gets.sort()).toEqual(['GET in/a/changes', 'GET in/a/deep/added']);
  });

  it('never follows a link of the instance when it brings new inputs', async () => {
    rig.objects.objects.set('in/dir/file', Buffer.from('old'));
    await rig.platform.order(
      aLeaseOrder(
        'trap',
        `sh -c 'rm -r dir; ln -s ${rig.folder} dir; touch up; until [ -e second ]; do sleep 0.05; done'`,
        { resources: [{ bucket: 'in' }] },
      ),
    );
    await eventually(async () => (await readdir(join(rig.workDir, 'instances', 'trap', 'job'))).includes('up'));
    rig.objects.objects.set('in/dir/file', Buffer.from('new'));
    await rig.platform.order({ kind: 'resources', leaseId: 'trap', taskId: 'task-1', update: 1 });
    await eventually(() => rig.objects.requests.filter((request) => request === 'GET in/dir/file').length === 2);
    rig.objects.objects.set('in/second', Buffer.from('x'));
    await rig.platform.order({ kind: 'resources', leaseId: 'trap', taskId: 'task-1', update: 2 });
    expect(await rig.ended('trap')).toMatchObject({ outcome: 'success' });
    expect(await readdir(rig.folder)).not.toContain('file');
  });

  it('uploads a snapshot of what runs', async () => {
    await rig.platform.order(
      aLeaseOrder(
        'snap',
        `sh -c 'echo half > part.txt; chmod 755 part.txt; echo other > part2.txt; echo x > no.log; ln -s /etc/passwd out.txt; ln -s /etc/passwd out.log; mkfifo p.txt; touch up; exec sleep 30'`,
      ),
    );
    await eventually(async () => (await readdir(join(rig.workDir, 'instances', 'snap', 'job'))).includes('up'));
    await rig.platform.order({
      kind: 'snapshot',
      snapshotId: 's1',
      taskId: 'task-1',
      leaseId: 'snap',
      instance: 0,
      bucket: 'snaps',
      prefix: 'p/',
      whitelist: 'txt$',
      blacklist: null,
    });
    const last = await eventually(() => rig.platform.snapshotReports.find(({ kind }) => kind !== 'progress'));
    expect(last).toEqual({
      kind: 'uploaded',
      snapshotId: 's1',
      leaseId: 'snap',
      files: 2,
      bytes: 11,
      sentBytes: 11,
      notes: [
        'Not in the snapshot, since they are pipes: "p.txt"',
        'Not in the snapshot, since they are links that lead out of the job: "out.txt"',
      ],
    });
    expect(rig.objects.objects.get('snaps/p/part.txt')?.toString()).toBe('half\n');
    expect(rig.objects.modes.get('snaps/p/part.txt')).toMatch(/755$/);
    expect(rig.objects.modes.get('snaps/p/part2.txt')).toMatch(/644$/);
    await rig.platform.order({
      kind: 'snapshot',
      snapshotId: 's2',
      taskId: 'task-1',
      leaseId: 'gone',
      instance: 0,
      bucket: 'snaps',
      prefix: null,
      whitelist: null,
      blacklist: null,
    });
    await eventually(() =>
      rig.platform.snapshotReports.find((report) => report.kind === 'failed' && report.snapshotId === 's2'),
    );
  });
});
