import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, SetupError, startNats } from '@fornax/embedded';
import { STREAMS } from '@fornax/contracts';
import { JetStreamLog, connectNats, consumersAs, managerOf, provisionAs } from '@fornax/event-store';
import { aCommit, submitted, testNatsBinary } from '@fornax/testing';
import { startServingAll } from './offline-streams.js';

const SLOW_MS = 120_000;
let dataDir: string;
let server: NatsServer | undefined;
const said: string[] = [];
const started: number[] = [];

const start = async (): Promise<NatsServer> => {
  const one = await startNats({ binary: await testNatsBinary(), dataDir, layout: 'platform' });
  started.push(one.pid);
  return one;
};
const prepare = (one: NatsServer): Promise<void> => provisionAs({ url: one.url, ...one.credentials.log });
const consumers = (one: NatsServer) => consumersAs({ url: one.url, ...one.credentials.log });
const startAll = async (): Promise<NatsServer> => {
  server = await startServingAll({ dataDir, start, prepare, consumers, say: (line) => said.push(line) });
  return server;
};
const connect = ({ url, credentials }: NatsServer) => connectNats({ url, ...credentials.log, name: 'test' });
const folderOf = async (stream: string): Promise<string> => {
  const store = join(dataDir, 'store', 'jetstream');
  const [account = ''] = await readdir(store);
  return join(store, account, 'streams', stream);
};

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fornax-offline-'));
  said.length = started.length = 0;
});
afterEach(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const stopWithConsumer = async (stream: string): Promise<string> => {
  const { url, credentials } = await startAll();
  const service = await connectNats({ url, ...credentials.services.platform, name: 'test' });
  await (await JetStreamLog.open(service)).append('task', 'a', aCommit('a', [submitted('a')]), 0);
  await service.close();
  const nc = await connectNats({ url, ...credentials.log, name: 'test' });
  await (await managerOf(nc)).consumers.add(stream, { durable_name: 'node-1', ack_policy: 'explicit' });
  await nc.close();
  await server?.stop();
  return join(await folderOf(stream), 'obs', 'node-1');
};

/** The name of a field is another one: no server says more of it than that it does not know the consumer. */
const damage = async (stream: string): Promise<void> => {
  const file = join(await stopWithConsumer(stream), 'meta.inf');
  await writeFile(file, String(await readFile(file)).replace('"deliver_policy"', '"deliver_pol}cy"'));
};

it.each([STREAMS.dispatch, STREAMS.events])(
  'serves %s without the consumers that the server cannot read, and with all its messages',
  async (stream) => {
    await damage(stream);
    const nc = await connect(await startAll());
    const { state } = await (await managerOf(nc)).streams.info(stream);
    expect(state).toMatchObject({ consumer_count: 0, messages: stream === STREAMS.events ? 1 : 0 });
    const [aside = ''] = await readdir(join(dataDir, 'set-aside'));
    expect(aside).toMatch(new RegExp(`^${stream}-consumers-`));
    expect(said).toEqual([expect.stringMatching(new RegExp(`cannot read stream ${stream}: .*node-1.*set-aside`))]);
    await nc.close();
    expect(started.slice(0, -1).filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  },
  SLOW_MS,
);

it(
  'leaves no server behind when nothing helps',
  async () => {
    await damage(STREAMS.dispatch);
    const isServed = startServingAll({
      dataDir,
      start,
      consumers,
      prepare: async (one) => {
        await rm(join(await folderOf(STREAMS.dispatch), 'obs'), { recursive: true });
        await prepare(one);
      },
      say: () => undefined,
    });
    await expect(isServed).rejects.toThrow(SetupError);
    expect(started.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  },
  SLOW_MS,
);

it(
  'sets a consumer aside whose numbers the server cannot read, so that it can be made again, and no other',
  async () => {
    const file = join(await stopWithConsumer(STREAMS.dispatch), 'o.dat');
    // Ninety unacknowledged messages are promised, and none follows.
    await writeFile(file, Buffer.from([0x16, 0x02, 0x01, 0x01, 0x40, 0x69, 0x5a, 0x5a]));
    const nc = await connect(await startAll());
    const jsm = await managerOf(nc);
    await jsm.consumers.add(STREAMS.dispatch, { durable_name: 'node-1', ack_policy: 'explicit' });
    await jsm.consumers.add(STREAMS.dispatch, { durable_name: 'node-2', ack_policy: 'explicit' });
    expect(said).toEqual([expect.stringMatching(/cannot read consumer node-1 of stream FX_DISPATCH.*set-aside/)]);
    await nc.close();
    await server?.stop();
    said.length = 0;
    const again = await connect(await startAll());
    expect((await (await managerOf(again)).streams.info(STREAMS.dispatch)).state.consumer_count).toBe(2);
    expect(said).toEqual([]);
    await again.close();
  },
  SLOW_MS,
);
