import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FornaxClient, type NewTask } from '@fornax/client';
import { S3Client } from '@fornax/s3';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import { objectSettings, startVersitygwIfThere } from '@fornax/testing/versitygw';
import {
  ask,
  dumpable,
  lookIntoAnswers,
  lookIntoFiles,
  lookIntoProcesses,
  lookIntoStreams,
  lookIntoTables,
} from './canary/places.js';
import { startListener } from './canary/listener.js';
import { type Homes, Search } from './canary/search.js';
import { clientsOf } from './clients.js';

/** No letter of it is as it is in a URL, a form, JSON or a second encoding. */
const canary = (name: string): string => `cnry ${name}+/é"= ${randomBytes(9).toString('base64')}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const KEY = 'canary/deep/key';
const LEAKING_KEY = 'canary/leak';
const SHOWN = 'shown on purpose';
const LEAK = 'planted leak';
/** Not a word of it can be chosen from outside: what is told by it is what is looked for. */
const METRIC = 'http.server.request.duration';
/** Places of all kinds: each has something that was put there on purpose. */
const KINDS = [
  ...['answer', 'file', 'memory', 'metric', 'process', 'screen', 'stream', 'table', 'temporary', 'trace', 'webhook'],
];

/** Where a secret is kept for good, or given on purpose. */
const HOMES: Homes = [
  [/^master key/, /^file secrets\/processes\/.*\/FORNAX_MASTER_KEY$/],
  [/^secret of the object store/, /^file secrets\/processes\/.*\/FORNAX_S3_SECRET_KEY$/],
  // The owner asks for the value.
  [/^managed secret/, /^answer GET \/(fornax\/v1\/secrets|secrets-manager)\/data\//],
  // Files of an instance, in memory, while it runs.
  [/^managed secret/, /^memory fornax-.*\/canary\/deep\/key$/],
];

/** What a command prints that takes no care: each of its secrets, in several ways. */
const PRINTS = [
  'printf %s "$QARNOT_SECRET_CANARY" | tee /dev/stderr',
  'printf %s "$DERIVED" | base64 -w0',
  `cat $QARNOT_SECRETS_DIR/${KEY} | base64 -w0`,
  `cat $QARNOT_SECRETS_DIR/${KEY}`,
  'printf %s "$QARNOT_SECRET_CANARY" | head -c 9; sleep 0.2; printf %s "$QARNOT_SECRET_CANARY" | tail -c +10',
].join('; ');

/** Constants whose errors would tell a secret, and how a task ends that has them: what reads its progress, or a folder that it does not use, is no reason to fail. */
const TELLING: readonly (readonly [state: string, constants: Readonly<Record<string, string>>])[] = [
  ['Failure', { DOCKER_CMD: '/no/such/program/${QARNOT_SECRET_CANARY}' }],
  ['Failure', { DOCKER_CMD: "echo 'unbalanced ${QARNOT_SECRET_CANARY}" }],
  ['Failure', { DOCKER_CMD: 'true', MAX_EXECUTION_SECONDS: '${QARNOT_SECRET_CANARY}' }],
  ['Failure', { DOCKER_CMD: 'true', SNAPSHOT_SIGNAL: '${QARNOT_SECRET_CANARY}' }],
  ['Success', { DOCKER_CMD: 'true', DOCKER_PROGRESS1: '(${QARNOT_SECRET_CANARY}' }],
  ['Success', { DOCKER_CMD: 'true', RESOURCES_PATH: '/job/${QARNOT_SECRET_CANARY}' }],
];

describe.each([
  { mode: 'one process', env: {} },
  { mode: 'a process for each service', env: { FORNAX_SERVICES: '1' } },
])('values that nobody may see, with $mode', ({ env }) => {
  const masterKey = randomBytes(32);
  const trace = randomBytes(16);
  const objectsKey = `cnry-s3+${randomBytes(12).toString('hex')}`;
  const values: Record<string, string | Buffer> = {
    'secret constant': canary('constant'),
    'constant of a pool': canary('pool'),
    'managed secret': canary('managed'),
    'managed secret of before': canary('before'),
    'master key': masterKey,
    'master key as it is given': masterKey.toString('base64'),
    'secret of the object store': objectsKey,
    [LEAK]: canary('leak'),
    [`${LEAK} in a trace`]: trace,
    [`${LEAK} in a metric`]: METRIC,
  };
  const text = (name: string): string => String(values[name]);
  let collector: Awaited<ReturnType<typeof startListener>>;
  let receiver: typeof collector;
  let objects: Awaited<ReturnType<typeof startVersitygwIfThere>>;
  let temporary: string;
  let platform: RunningPlatform;
  let api: FornaxClient;
  let search: Search;
  let output: string;
  let redacted: string;
  let shown: readonly string[];
  let dumps: readonly string[];

  const constants = (more: Readonly<Record<string, string>>): NonNullable<NewTask['constants']> =>
    Object.entries({
      QARNOT_SECRET_CANARY: text('secret constant'),
      DERIVED: 'x${QARNOT_SECRET_CANARY}y',
      NOT_SECRET: text(LEAK),
      ...more,
    }).map(([key, value]) => ({ key, value }));
  const submit = (name: string, more: Readonly<Record<string, string>>, rest: Partial<NewTask> = {}): Promise<string> =>
    api.submitTask({
      name,
      profile: 'docker-batch',
      instanceCount: 1,
      constants: constants(more),
      secretsAccessRights: { bySecret: [{ key: KEY }], byPrefix: [] },
      ...rest,
    });
  const send = (method: string, path: string, body?: unknown, token = platform.token): Promise<string> =>
    ask(search, platform.apiUrl, { method, path, token, body });

  /** Gives the platform every kind of secret. Those that it makes itself are known once it has told them, so nothing is searched before. */
  const plant = async (): Promise<void> => {
    const put = async (method: string, value: string, key = KEY): Promise<void> => {
      const response = await fetch(`${platform.apiUrl}/secrets-manager/data/${key}`, {
        method,
        headers: { authorization: platform.token, 'content-type': 'application/json' },
        body: JSON.stringify({ value }),
      });
      expect(response.status).toBe(200);
    };
    await put('PUT', text('managed secret of before'));
    await put('PATCH', text('managed secret'));
    await put('PUT', text(LEAK), LEAKING_KEY);
    values[`${LEAK} on the screen`] = platform.apiUrl;
    await writeFile(join(temporary, 'leak'), text(LEAK));
    const traceparent = `00-${trace.toString('hex')}-${randomBytes(8).toString('hex')}-01`;
    await fetch(`${platform.apiUrl}/tasks`, { headers: { authorization: platform.token, traceparent } });
    const { token } = await api.people.createToken({ name: 'canary' });
    values['token'] = token;
    values['token of the first user'] = platform.token;
    const { secret } = await api.history.createWebhook({ url: `${receiver.url}/hook`, types: [] });
    values['secret of a webhook'] = secret;
    values['bytes of the secret of a webhook'] = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    search = new Search(values, [
      ...HOMES,
      // What its user takes it from.
      [/^token of the first user/, /^file (env|secrets\/token)$/],
    ]);
  };

  beforeAll(async () => {
    collector = await startListener();
    receiver = await startListener();
    objects = await startVersitygwIfThere(objectsKey);
    temporary = await mkdtemp(join(tmpdir(), 'fornax-canary-'));
    platform = await startPlatform({
      env: {
        ...env,
        ...objectSettings(objects),
        FORNAX_OTLP_ENDPOINT: collector.url,
        FORNAX_LOG_LEVEL: 'trace',
        FORNAX_NODE_CORES: '4',
        FORNAX_MASTER_KEY: masterKey.toString('base64'),
        FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
        TMPDIR: temporary,
      },
    });
    let s3: S3Client;
    ({ api, s3 } = clientsOf(platform));
    await plant();
    await s3.createBucket('canary');
    s3.close();
    // A user with the other token: as access to objects, and in requests that are refused.
    const others = new S3Client({
      endpoint: platform.storageUrl,
      accessKey: platform.clientEnv['AWS_ACCESS_KEY_ID'] ?? '',
      secretKey: text('token'),
    });
    await others.putObject('canary', 'input.txt', Buffer.from('input'));
    await expect(others.getBytes('canary', 'none')).rejects.toThrow();
    others.close();
    await send('GET', '/tasks', undefined, text('token'));
    await send('POST', '/tasks', { name: 1 }, text('token'));

    const running = await submit(
      'holds',
      { DOCKER_CMD: `sh -c 'echo "$NOT_SECRET" | tee leak.txt; sleep 600; true' '${text(LEAK).replaceAll("'", '')}'` },
      { resultBucket: 'canary' },
    );
    const hash = 'sh -c \'printf %s "$QARNOT_SECRET_CANARY" | sha256sum; printf %s "$DERIVED" | sha256sum; sha256sum';
    const task = await submit(
      'hashes',
      { DOCKER_CMD: `${hash} < $QARNOT_SECRETS_DIR/${KEY}; printf %s "$NOT_SECRET" | base64 -w0'` },
      { resultBucket: 'canary' },
    );
    // The shell of this one is given a secret to put into its script.
    const shell = await submit(
      'shell',
      {
        DOCKER_CMD: `env X=1 bash -O extglob -c 'sha256sum <<"END"\n\${QARNOT_SECRET_CANARY}\nEND\nsleep 600; true' sh "\${DERIVED}"`,
      },
      { secretsAccessRights: { bySecret: [{ key: LEAKING_KEY }], byPrefix: [] } },
    );
    const prints = await submit('prints', { DOCKER_CMD: `sh -c '${PRINTS}'` }, { resultBucket: 'canary' });
    // Of one that wants to see what it prints, and of its clone.
    const open = await submit(
      'open',
      { QARNOT_SECRET_SHOWN: SHOWN, DOCKER_CMD: `sh -c 'echo "$QARNOT_SECRET_SHOWN"'` },
      { fornax: { redactOutput: false } },
    );
    await api.waitForTask(open);
    const copy = await api.repeatTask(open, 'clone');
    await api.waitForTask(copy);
    shown = await Promise.all([open, copy].map((id) => api.output(id, 'stdout')));
    const telling = await Promise.all(TELLING.map(([, more]) => submit('fails', more, { resultBucket: 'canary' })));
    const pool = await api.pools.create({
      name: 'canary',
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'QARNOT_SECRET_POOL', value: text('constant of a pool') }],
      secretsAccessRights: { bySecret: [{ key: KEY }], byPrefix: [] },
    } as Parameters<FornaxClient['pools']['create']>[0]);
    const ends = await Promise.all([task, ...telling, prints].map((id) => api.waitForTask(id)));
    expect(ends[0]).toMatchObject({ state: 'Success' });
    expect(ends.slice(1, -1).map(({ state }) => state)).toEqual(TELLING.map(([state]) => state));
    expect(ends.at(-1)).toMatchObject({ state: 'Success' });
    output = await api.output(task, 'stdout');
    redacted = await api.output(prints, 'stdout');
    const { uuid: clone } = JSON.parse(await send('POST', `/tasks/${task}/clone`, {})) as { readonly uuid: string };
    await api.waitForTask(clone);
    await send('PUT', `/tasks/${running}`, { constants: [{ key: 'QARNOT_SECRET_CANARY', value: '[SECRET]' }] });
    await eventually(async () => (await api.output(running, 'stdout')).includes('cnry'), { timeoutMs: 30_000 });
    const snapshot = await api.snapshotTask(running);
    await eventually(
      async () => ['success', 'failure'].includes(String((await api.getSnapshot(running, snapshot))['status'])),
      { timeoutMs: 30_000 },
    );

    await eventually(async () => (await api.output(shell, 'stdout')).includes(sha256(`${text('secret constant')}\n`)), {
      timeoutMs: 30_000,
    });
    await lookIntoProcesses(search, platform);
    await lookIntoFiles(search, 'memory', '/dev/shm');
    dumps = await dumpable(platform);
    const ids = [
      running,
      shell,
      prints,
      task,
      clone,
      ...telling,
      pool,
      snapshot,
      'canary',
      encodeURIComponent(KEY),
      KEY,
    ];
    await lookIntoAnswers(search, platform, ids, { snapshotId: snapshot });
    const [now, today] = [new Date().toISOString(), new Date().toISOString().slice(0, 10)];
    for (const path of [`tasks/${running}`, `tasks/${clone}`, `pools/${pool}`])
      expect(await send('GET', `/fornax/v1/${path}?asOf=${now}`)).toContain('[SECRET]');
    expect(await send('GET', `/fornax/v1/billing/statements?from=${today}&to=${today}&by=task`)).not.toBe('');
    await lookIntoStreams(search, platform);
    await lookIntoTables(search, platform);
    await Promise.all([running, shell].map((id) => api.abortTask(id)));
    await Promise.all([running, shell].map((id) => api.waitForTask(id)));
    await eventually(() => receiver.heard().includes(`"${running}"`), { timeoutMs: 30_000 });
    process.kill(platform.launcherPid, 'SIGTERM');
    expect(await platform.exited).toBe(0);
    // Now everything is on the disk, and everything is told.
    await lookIntoFiles(search, 'file', platform.dataDir);
    await lookIntoFiles(search, 'temporary', temporary);
    await lookIntoFiles(search, 'memory', '/dev/shm');
    if (objects) await lookIntoFiles(search, 'object', objects.folder);
    search.look('trace', 'collector', collector.heard('/traces'));
    search.look('metric', 'collector', collector.heard('/metrics'));
    search.look('webhook', 'receiver', receiver.heard());
    search.look('screen', 'launcher', platform.output());
  }, 280_000);

  afterAll(async () => {
    await platform?.stop();
    await Promise.all([collector?.close(), receiver?.close(), objects?.stop()]);
    await rm(temporary, { recursive: true, force: true });
  });

  it('are nowhere but where they are kept', () => {
    expect(search.leaks((what) => !what.startsWith(LEAK))).toEqual([]);
  });

  it('would be found: what was given away on purpose is, in every kind of place, and there is no other kind', () => {
    const kinds = search.leaks((what) => what.startsWith(LEAK)).map((leak) => leak.split(' ')[0]);
    expect([...new Set(kinds)].sort()).toEqual([...KINDS, ...(objects ? ['object'] : [])].sort());
    expect(Object.keys(search.sizes).sort()).toEqual([...KINDS, ...(objects ? ['object'] : [])].sort());
    expect(collector.heard('/traces').includes('POST /tasks')).toBe(true);
  });

  it('are in no dump of memory that a crash would leave', () => expect(dumps).toEqual([]));

  it('are taken out of what instances print, unless a task or what it was cloned from says otherwise', () => {
    expect(redacted.split('[SECRET]').length).toBeGreaterThan(3);
    expect(shown.filter((text) => text.includes(SHOWN))).toHaveLength(2);
  });

  it('were there: the instance had them', () => {
    const constant = text('secret constant');
    const had = [constant, `x${constant}y`, text('managed secret')].map(sha256);
    expect(had.filter((hash) => !output.includes(hash))).toEqual([]);
  });
});
