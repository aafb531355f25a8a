import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { STREAMS, restoreSubject } from '@fornax/contracts';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ServicesNats } from '../jetstream/services-nats.fixture.js';
import { ensureStreams } from '../jetstream/streams.js';
import { provision } from '../provision.js';
import { type ArchivedMessage, encodeRecord } from './archived-message.js';
import { RestoreClient, RestoreRefused } from './restore-client.js';

const SLOW_MS = 300_000;
let nats: ServicesNats;
let storage: NatsConnection;
let client: RestoreClient;
let epoch: string;

beforeAll(async () => {
  nats = await ServicesNats.start();
  storage = nats.as('storage');
  client = new RestoreClient(storage);
}, SLOW_MS);
afterAll(() => nats.stop(), SLOW_MS);

const streams = () => nats.manager.streams;
const eventStream = () => streams().info(STREAMS.events);
const message = (sequence: number, change: Partial<ArchivedMessage> = {}): ArchivedMessage => ({
  sequence,
  timeNs: 1n,
  subject: `fx.ev.task.t${sequence}`,
  headers: [
    ['Nats-Msg-Id', `fx.ev.task.t${sequence}/c`],
    ['Nats-Expected-Last-Subject-Sequence', '0'],
    ['Fx-Checksum', 'of it'],
  ],
  data: Buffer.from('{}'),
  ...change,
});

beforeEach(async () => {
  await streams().delete(STREAMS.events);
  epoch = randomUUID();
});

describe('a storage service that was taken over, while a log is put back', () => {
  const elsewhere = [
    `$JS.API.STREAM.DELETE.${STREAMS.reports}`,
    `$JS.API.STREAM.UPDATE.${STREAMS.reports}`,
    'fx.consumer.read.FX_REPORTS',
    'fx.ev.task.x y',
    'fx.ev.task.x 2\r\n{}\r\nPUB fx.restore.finish',
    'fx.ev.task.*',
    'fx.ev.>',
    'fx.ev.',
    'fx.ev.task..x',
    'fx.evil.task.x',
    'fx.restoring.task.x',
    '_INBOX.x',
    '',
  ];

  it('writes nowhere but into that log, whatever subject a message is said to have', async () => {
    const before = await streams().info(STREAMS.reports);
    for (const subject of elsewhere) {
      await client.begin(epoch);
      await expect(client.append([message(1, { subject })])).rejects.toThrow('not a subject of the event log');
    }
    expect((await eventStream()).state.last_seq).toBe(0);
    expect(await streams().info(STREAMS.reports)).toMatchObject({ created: before.created, config: before.config });
  });

  it('has the server do nothing by a header of a message', async () => {
    const heard: string[] = [];
    nats.operator.subscribe('_R_.victim', { callback: () => void heard.push('a trace') });
    await nats.operator.flush();
    await client.begin(epoch);
    const { headers } = message(1);
    await client.append([
      message(1, { headers: [...headers, ['Nats-Trace-Dest', '_R_.victim'], ['Nats-TTL', '1s'], ['X-Own', 'kept']] }),
      message(2, { headers: [...message(2).headers, ['Nats-Rollup', 'all']] }),
    ]);
    await nats.settled();
    expect(heard).toEqual([]);
    const stored = await streams().getMessage(STREAMS.events, { seq: 1 });
    expect(stored?.subject).toBe('fx.ev.task.t1');
    expect(new Set(stored?.header.keys())).toEqual(
      new Set([
        'Nats-Msg-Id',
        'Nats-Expected-Last-Subject-Sequence',
        'Nats-Expected-Last-Sequence',
        'Fx-Checksum',
        'X-Own',
      ]),
    );
    expect((await eventStream()).state.messages).toBe(2);
  });

  it('neither appends to a log that is there, nor replaces or ends it', async () => {
    await provision(nats.operator);
    await jetstream(nats.operator).publish('fx.ev.task.real', '{}');
    const before = await eventStream();
    await expect(client.begin(epoch)).rejects.toThrow(RestoreRefused);
    await expect(client.append([message(2)])).rejects.toThrow(RestoreRefused);
    await expect(client.finish(epoch, 1)).rejects.toThrow(RestoreRefused);
    const garbage = await storage.request(restoreSubject('append'), encodeRecord(message(1)).subarray(0, 20));
    expect(garbage.json()).toMatchObject({ error: expect.any(String) });
    expect(await eventStream()).toMatchObject({ created: before.created, config: before.config, state: before.state });
  });
});

describe('a log that is being put back', () => {
  it('takes nothing of anybody else, however long it stays so, and is opened by nobody who looks for the streams', async () => {
    await client.begin(epoch);
    await client.append([message(1)]);
    await ensureStreams(nats.as('submission'));
    await provision(nats.operator);
    await expect(jetstream(nats.as('submission')).publish('fx.ev.task.early', '{}')).rejects.toThrow();
    await expect(jetstream(nats.operator).publish('fx.ev.task.early', '{}')).rejects.toThrow();
    await client.append([message(2)]);
    await client.finish(epoch, 2);
    const { config, state } = await eventStream();
    expect(config).toMatchObject({ subjects: ['fx.ev.>'], deny_delete: true, deny_purge: false });
    expect(config.subject_transform).toBeUndefined();
    expect(config.description).toContain(epoch);
    expect(state.messages).toBe(2);
    await expect(jetstream(nats.as('submission')).publish('fx.ev.task.late', '{}')).resolves.toMatchObject({ seq: 3 });
    // What is the log now is not lost, although it was put back.
    await expect(client.begin(epoch)).rejects.toThrow('the event log is not lost');
  });

  it('is begun anew when whoever put it back has gone', async () => {
    await client.begin(epoch);
    await client.append([message(1, { subject: 'fx.ev.task.half' })]);
    await client.begin(epoch);
    await client.append([message(1)]);
    await client.finish(epoch, 1);
    expect((await streams().getMessage(STREAMS.events, { seq: 1 }))?.subject).toBe('fx.ev.task.t1');
  });
});

it('lets the maker of the streams write into no log that is there, nor take anything out of it', async () => {
  await provision(nats.operator);
  await jetstream(nats.operator).publish('fx.ev.task.real', '{}');
  const before = (await eventStream()).state;
  nats.maker.publish('fx.ev.task.forged', '{}');
  nats.maker.publish('fx.restoring.task.forged', '{}');
  await nats.settled();
  const taking = nats.maker.request(`$JS.API.STREAM.MSG.DELETE.${STREAMS.events}`, '{"seq":1}', { timeout: 5_000 });
  expect((await taking).json()).toMatchObject({ error: expect.any(Object) });
  // Nobody can take one out of the middle, not even an operator, nor by a change of the stream first.
  await expect(streams().update(STREAMS.events, { deny_delete: false })).rejects.toThrow('can not cancel deny');
  for (const service of nats.services.values())
    await expect(
      service.request(`$JS.API.STREAM.PURGE.${STREAMS.events}`, '{"seq":2}', { timeout: 1_000 }),
    ).rejects.toThrow();
  expect((await eventStream()).state).toEqual(before);
});
