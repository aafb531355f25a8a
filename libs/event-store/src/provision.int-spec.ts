import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type NatsConnection } from '@nats-io/nats-core';
import { LEADER_BUCKET, DATA_FORMAT, NewerData, STREAMS } from '@fornax/contracts';
import { type TestNats, eventually, startTestNats } from '@fornax/testing';
import { connectNats } from './jetstream/connection.js';
import { JetStreamLog } from './jetstream-log/jetstream.event-log.js';
import { managerOf } from './jetstream/streams.js';
import { provision, serveConsumersAs } from './provision.js';

const SLOW_MS = 120_000;
let server: TestNats;
let nc: NatsConnection;
let maker: NatsConnection;

beforeAll(async () => {
  server = await startTestNats();
  nc = await connectNats({ ...server, name: 'test' });
  maker = await serveConsumersAs(server);
}, SLOW_MS);
beforeEach(() => provision(nc));
afterAll(async () => {
  await maker.close();
  await nc.close();
  await server.stop();
}, SLOW_MS);

const streams = async (): Promise<readonly string[]> => {
  const names: string[] = [];
  for await (const name of (await managerOf(nc)).streams.names()) names.push(name);
  return names;
};

describe('what services cannot make themselves', () => {
  it.each([...Object.values(STREAMS).filter((name) => name !== STREAMS.events), `KV_${LEADER_BUCKET}`])(
    'is there again after %s was deleted',
    async (name) => {
      await (await managerOf(nc)).streams.delete(name);
      await eventually(async () => (await streams()).includes(name));
    },
  );

  it('is never an empty log in the place of one that is gone', async () => {
    const jsm = await managerOf(nc);
    await jsm.streams.delete(STREAMS.events);
    await jsm.streams.delete(STREAMS.dispatch);
    await eventually(async () => (await streams()).includes(STREAMS.dispatch));
    expect(await streams()).not.toContain(STREAMS.events);
  });
});

describe('the event log of an older release', () => {
  it('is stated to be of this format, so that older programs leave it alone, and stays the same log', async () => {
    const jsm = await managerOf(nc);
    const { epoch } = await (await JetStreamLog.open(nc)).head();
    const before = await jsm.streams.info(STREAMS.events);
    await jsm.streams.update(STREAMS.events, { description: `Fornax event log, epoch ${epoch}` });
    await provision(nc);
    const { config } = await jsm.streams.info(STREAMS.events);
    expect(config).toEqual(before.config);
    expect(config.description).toBe(`Fornax event log, epoch ${epoch}, format ${DATA_FORMAT}`);
    expect((await (await JetStreamLog.open(nc)).head()).epoch).toBe(epoch);
  });
});

describe('the event log of a newer release', () => {
  it('stops whoever would make or open the streams, and is left as it is', async () => {
    const jsm = await managerOf(nc);
    const { config } = await jsm.streams.info(STREAMS.events);
    const description = config.description?.replace(/, format \d+$/, '') ?? '';
    const newer = { description: `${description}, format 99`, subjects: config.subjects.slice(0, 1) };
    await jsm.streams.update(STREAMS.events, newer);
    await expect(provision(nc)).rejects.toThrow(NewerData);
    await expect(JetStreamLog.open(nc)).rejects.toThrow(/event log .*newer release of Fornax \(format 99\)/);
    expect((await jsm.streams.info(STREAMS.events)).config).toMatchObject(newer);
    await jsm.streams.update(STREAMS.events, config);
    await JetStreamLog.open(nc);
  });
});
