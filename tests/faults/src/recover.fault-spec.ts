import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient, type ApiError } from '@fornax/client';
import { STREAMS } from '@fornax/contracts';
import { connectNats } from '@fornax/event-store';
import { damageStore, eventually, type RunningPlatform, startPlatform } from '@fornax/testing';
import { signal } from './processes.js';
import { Reader } from './recovery/recover-page.js';

const SLOW_MS = 300_000;
const PATIENT = { timeoutMs: 120_000 };
const OPERATOR = 'service/operator';

const spec = (name: string) => ({
  name,
  profile: 'docker-batch',
  instanceCount: 1,
  constants: [{ key: 'DOCKER_CMD', value: `echo ${name}` }],
});

/** One platform on one data folder, which is damaged in turn; each command of docs/how-to/recover.md is typed where it is wanted. */
describe('a platform that is recovered as the page says', () => {
  let folder: string;
  let dataDir: string;
  let reader: Reader;
  let platform: RunningPlatform;
  let asides = 0;
  let later: string;

  const client = (): FornaxClient => new FornaxClient({ url: platform.apiUrl, token: platform.token });
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<void> => {
    const env = {
      FORNAX_NODE_GRACE_MS: '2000',
      FORNAX_LOG_ARCHIVE_AFTER_MS: '200',
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:9',
      ...more,
    };
    platform = await startPlatform({ dataDir, awaits: 'answers', env });
    // With a process for each service (FORNAX_SERVICES=1) what answers first is the router.
    const { reasons } = await client().health();
    if (reasons.some(({ reason }) => reason === 'cannot be reached'))
      await eventually(
        async () => (await client().health()).reasons.every(({ reason }) => reason !== 'cannot be reached'),
        PATIENT,
      );
  };
  const aside = () => ({ '<aside>': `aside-${(asides += 1)}` });
  const post = (path: string, body: object) =>
    fetch(platform.apiUrl + path, {
      method: 'POST',
      headers: { authorization: platform.token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const submit = async (name: string): Promise<string> => {
    const response = await post('/tasks', spec(name));
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
    return (JSON.parse(text) as { readonly uuid: string }).uuid;
  };
  const run = async (name: string): Promise<string> => {
    const task = await submit(name);
    await client().waitForTask(task);
    return task;
  };
  const isReady = async (): Promise<boolean> => (await fetch(`${platform.apiUrl}/health/ready`)).status === 200;
  const untilReady = () => eventually(() => isReady().catch(() => false), PATIENT);
  const pidOf = async (part: string): Promise<number> => (await platform.parts())[part] ?? Number.NaN;
  const names = async () => (await client().listTasks()).map(({ name }) => name);
  const log = async () => ({ '<log>': (await client().log.state()).log ?? '' });
  const acceptLog = async (): Promise<void> => {
    const { code, said } = await reader.types('npx fornax log accept <log> --yes', await log());
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('is accepted') });
    await untilReady();
  };
  /** As an operator with every right at the server could. */
  const deleteLog = async (): Promise<void> => {
    const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(dataDir, name), 'utf8'));
    const { nats } = (await read('runtime.json')) as { readonly nats: { readonly url: string } };
    const passwords = (await read('secrets/nats.json')) as Readonly<Record<string, string>>;
    const password = passwords[OPERATOR] ?? '';
    const connection = await connectNats({ url: nats.url, user: OPERATOR, password, name: 'somebody' });
    await connection.request(`$JS.API.STREAM.DELETE.${STREAMS.events}`);
    await connection.close();
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-recover-'));
    dataDir = join(folder, '.fornax');
    reader = new Reader(folder);
    await start();
    await untilReady();
    await run('earlier');
    // A copy of the disk as it is in one moment: everything that was acknowledged is on it.
    const nats = await pidOf('nats');
    signal(nats, 'SIGSTOP');
    await cp(join(dataDir, 'nats'), join(folder, 'older'), { recursive: true });
    signal(nats, 'SIGCONT');
  }, SLOW_MS);

  afterAll(async () => {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }, SLOW_MS);

  it(
    'answers everything that may be asked while nothing is wrong',
    async () => {
      expect(await reader.types('npx fornax health')).toEqual({ code: 0, said: 'ready\n' });
      expect(await reader.types('npx fornax log status')).toMatchObject({ code: 0 });
      expect(await reader.types('npx fornax projection list')).toMatchObject({
        code: 0,
        said: expect.stringMatching(/status +submission/),
      });
      expect(await reader.types('npx fornax projection rebuild status')).toMatchObject({
        code: 0,
        said: expect.stringContaining('have replaced the old ones'),
      });
      for (const command of ['npx fornax storage reindex', 'npx fornax storage reindex --forget-missing'])
        expect(await reader.types(command)).toMatchObject({ code: 0, said: expect.stringContaining('RESTORED') });
      expect(await reader.types('npx fornax storage scrub')).toMatchObject({ code: 0 });
      expect(await reader.types('npx fornax storage effects')).toEqual({
        code: 0,
        said: 'Nothing is owed to the object store.\n',
      });
      const givenUp = await reader.types('npx fornax storage effects --give-up <id>', { '<id>': '1' });
      expect(givenUp).toMatchObject({ code: 1, said: expect.stringContaining('No such effect: 1') });
      expect(await reader.types('npx fornax token list')).toMatchObject({ code: 0 });
      expect(await reader.types('df -h .fornax')).toMatchObject({ code: 0 });
      expect(await reader.types('source .fornax/env')).toEqual({ code: 0, said: '' });
      const [node = ''] = (await client().fleet.nodes()).map(({ id }) => id);
      expect(await reader.types('npx fornax node drain <node>', { '<node>': node })).toEqual({
        code: 0,
        said: `${node}: draining\n`,
      });
      await client().fleet.resume(node);
      expect(await reader.types('npx fornax nodes')).toMatchObject({ code: 0, said: expect.stringContaining(node) });
      expect(await reader.types('npx fornax node events <node>', { '<node>': node })).toMatchObject({ code: 0 });
      const task = { '<task>': (await client().listTasks())[0]?.uuid ?? '' };
      expect(await reader.types('npx fornax task waiting <task>', task)).toMatchObject({ code: 0 });
      const agent = await pidOf(node);
      signal(agent, 'SIGSTOP');
      expect(await reader.types('kill -CONT <pid>', { '<pid>': String(agent) })).toEqual({ code: 0, said: '' });
      later = await run('later');
    },
    SLOW_MS,
  );

  it(
    'stays up on an older copy, refuses a submission with the reason, and says the ways out on the screen and to an operator',
    async () => {
      await platform.stop();
      expect(await reader.types('cp -a .fornax .fornax-copy')).toEqual({ code: 0, said: '' });
      await rm(join(dataDir, 'nats'), { recursive: true });
      await cp(join(folder, 'older'), join(dataDir, 'nats'), { recursive: true });
      await start();
      const refused = await post('/tasks', spec('refused'));
      expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('The event log went back')]);
      await eventually(() => platform.output().includes('NOTHING IS WRITTEN: The event log went back'), PATIENT);
      const { status, stops } = await client().health();
      expect([status, stops.map(({ name }) => name)]).toEqual(['not ready', ['event log']]);
      expect(platform.output()).not.toContain('does not start');
      expect(await reader.types('npx fornax health')).toMatchObject({
        code: 1,
        said: expect.stringContaining('nothing may be written (event log): The event log went back'),
      });
      const lost = expect.stringMatching(new RegExp(`^task +1$[^]*\\(1\\):\n {2}${later}$`, 'm'));
      expect(await reader.types('npx fornax log status')).toMatchObject({ code: 1, said: lost });
      expect(await reader.types('npx fornax log accept <log>', await log())).toMatchObject({ code: 1, said: lost });
      expect(await client().log.state()).toMatchObject({ isRight: false });
    },
    SLOW_MS,
  );

  it(
    'goes on as if nothing had been when the newer copy is put back',
    async () => {
      await platform.stop();
      expect(await reader.types('mv .fornax/nats <aside>', aside())).toEqual({ code: 0, said: '' });
      expect(await reader.types('cp -a .fornax-copy/nats .fornax/nats')).toEqual({ code: 0, said: '' });
      reader.does('npm start');
      await start();
      await untilReady();
      expect(await reader.types('npx fornax log status')).toMatchObject({ code: 0 });
      expect(await names()).toEqual(expect.arrayContaining(['earlier', 'later']));
    },
    SLOW_MS,
  );

  it(
    'puts a deleted log back from its archive, after which all is as it was',
    async () => {
      const task = await run('archived');
      // Until nothing is written any more, and what was is archived.
      let [seen, since] = ['', 0];
      await eventually(async () => {
        const { segments, to, head } = await client().log.archive();
        if (seen !== `${segments}/${to}/${head}`) [seen, since] = [`${segments}/${to}/${head}`, performance.now()];
        return segments > 0 && performance.now() - since > 2_000;
      }, PATIENT);
      const before = { tasks: await client().listTasks(), log: (await client().log.state()).log };
      expect(await reader.types('npx fornax log verify')).toMatchObject({ code: 0 });
      await deleteLog();
      await eventually(async () => (await client().log.state()).log === null, PATIENT);
      expect(await reader.types('npx fornax log restore')).toMatchObject({
        code: 0,
        said: expect.stringContaining('is back'),
      });
      await untilReady();
      expect((await client().log.state()).log).toBe(before.log);
      expect(await client().listTasks()).toEqual(before.tasks);
      for (const { name } of await client().projections.list()) {
        const { differences } = await client().projections.rebuild(name, { verify: true });
        expect({ name, differences }).toEqual({ name, differences: [] });
      }
      expect(await client().listTasks()).toEqual(before.tasks);
      expect(await reader.types('npx fornax log verify')).toMatchObject({ code: 0 });
      expect(await names()).toContain('archived');
      expect(await run('after the restore')).not.toBe(task);
    },
    SLOW_MS,
  );

  it(
    'says what a damaged log has lost, and goes on without it once an operator has given it up',
    async () => {
      const task = await run('cut off');
      await platform.stop();
      await damageStore(join(dataDir, 'nats'), STREAMS.events).truncateBefore(`fx.ev.task.${task}`);
      await start();
      const { damage } = await eventually(async () => {
        const { code, said } = await reader.types('npx fornax log verify --json');
        expect(code).toBe(1);
        return JSON.parse(said) as { readonly damage: readonly { readonly id: string }[] };
      }, PATIENT);
      const gap = damage[0]?.id ?? '';
      expect(gap).toMatch(/^gap-/);
      const told = expect.stringContaining(gap);
      expect(await reader.types('npx fornax log verify')).toMatchObject({ code: 1, said: told });
      await eventually(async () => (await client().health()).status === 'not ready', PATIENT);
      expect(await reader.types('npx fornax health')).toMatchObject({ code: 1, said: told });
      expect(await reader.types('npx fornax projection rebuild status')).toMatchObject({
        code: 1,
        said: expect.stringMatching(new RegExp(`the log knows less than its rows.*1 task: ${task}.*--force`)),
      });
      const drop = 'npx fornax log quarantine drop gap-31-60 --reason "no copy is left"';
      expect(await reader.types(drop, { 'gap-31-60': gap })).toMatchObject({ code: 0 });
      await untilReady();
      expect(await reader.types('npx fornax projection rebuild ledger --force')).toMatchObject({
        code: 0,
        said: expect.stringContaining('have replaced the old ones'),
      });
      expect(await reader.types('npx fornax projection rebuild status --force')).toMatchObject({
        code: 0,
        said: expect.stringContaining('have replaced the old ones'),
      });
    },
    SLOW_MS,
  );

  it(
    'says that the log is gone when its stream is deleted, and does not take the empty one of the next start for a new platform',
    async () => {
      await deleteLog();
      await eventually(
        async () =>
          (await reader.types('npx fornax health')).said.includes('The event log is gone: its stream does not exist'),
        PATIENT,
      );
      await platform.stop();
      await start();
      const error = await client()
        .listTasks()
        .catch((failure: unknown) => failure as ApiError);
      expect(String(error)).toContain('The event log is another one');
      expect((await reader.types('npx fornax log status')).said).toContain('the last copy of what happened');
      await acceptLog();
      expect(await names()).toEqual([]);
      await run('first');
    },
    SLOW_MS,
  );

  it(
    'goes on from the older copy once an operator accepts it: what it has is there once, the rest is gone, tasks run',
    async () => {
      await platform.stop();
      await rm(join(dataDir, 'nats'), { recursive: true });
      await cp(join(folder, 'older'), join(dataDir, 'nats'), { recursive: true });
      // A process for each service: each has rows of its own that were made from the other log, and each has to accept this one.
      await start({ FORNAX_SERVICES: '1' });
      await acceptLog();
      expect(await names()).toEqual(['earlier']);
      const [earlier] = await client().listTasks();
      const events = await fetch(`${platform.apiUrl}/fornax/v1/tasks/${earlier?.uuid ?? ''}/events`, {
        headers: { authorization: platform.token },
      });
      expect(events.status).toBe(200);
      await run('anew');
    },
    SLOW_MS,
  );

  it(
    'starts without PostgreSQL, but not without the master key until a backup of it is put back',
    async () => {
      await platform.stop();
      expect(await reader.types('mv .fornax/postgres <aside>', aside())).toEqual({ code: 0, said: '' });
      await rm(join(dataDir, 'secrets', 'master.key'));
      await expect(start()).rejects.toThrow(/The secret file .*master\.key is missing/);
      const command = 'cp -a .fornax-copy/secrets/master.key .fornax/secrets/';
      expect(await reader.types(command)).toEqual({ code: 0, said: '' });
      await start();
      await untilReady();
      await eventually(async () => (await names()).length === 2, PATIENT);
      expect([...(await names())].sort()).toEqual(['anew', 'earlier']);
    },
    SLOW_MS,
  );

  it(
    'goes on without the master key once an operator has given it up for exactly this log, and says what stays closed',
    async () => {
      await client().history.createWebhook({ url: 'http://127.0.0.1:9/nobody-listens' });
      const withSecret = { ...spec('knows'), constants: [{ key: 'QARNOT_SECRET_A', value: 'hush' }] };
      const { uuid } = (await (await post('/tasks', withSecret)).json()) as { readonly uuid: string };
      await client().waitForTask(uuid);
      await platform.stop();
      await rm(join(dataDir, 'secrets', 'master.key'));
      await expect(start({ FORNAX_MASTER_KEY_LOST: 'yes' })).rejects.toThrow(/master\.key is missing/);
      const refusal = await start().then(() => '', String);
      const [, epoch = ''] = /FORNAX_MASTER_KEY_LOST=([0-9a-f-]{36})/.exec(refusal) ?? [];
      reader.does('FORNAX_MASTER_KEY_LOST=<log> npm start');
      await start({ FORNAX_MASTER_KEY_LOST: epoch });
      await untilReady();
      expect(await names()).toContain('knows');
      await run('under a new key');
      const again = await post(`/tasks/${uuid}/retry`, {});
      expect([again.status, await again.text()]).toEqual([409, expect.stringContaining('must be given anew')]);
      // The token of the first user is issued anew, so none is left that cannot sign.
      expect((await client().health()).warnings.join()).not.toContain('master key');
      const hook = await eventually(async () => {
        const [one] = await client().history.webhooks();
        return one?.parkedReason == null ? undefined : one;
      }, PATIENT);
      expect(hook).toMatchObject({
        url: '[SEALED WITH A LOST KEY]',
        parkedReason: expect.stringContaining('create it again'),
      });
    },
    SLOW_MS,
  );

  it('has typed every command of the page', () => expect(reader.left()).toEqual([]));
});
