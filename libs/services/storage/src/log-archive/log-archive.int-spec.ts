import { randomUUID } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Commit, STREAMS, logArchiveSchema, logRestoreSchema } from '@fornax/contracts';
import { proofOfRange } from '@fornax/domain';
import {
  type ArchivedMessage,
  type EventLog,
  type JetStreamLog,
  LogUnavailable,
  RestoreClient,
  RestoredStream,
  encodeSegment,
  managerOf,
  serveRestores,
} from '@fornax/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import { NATS } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { LOG_ARCHIVE_BUCKET } from '../model/bucket-names.js';
import { ArchiveObjects, segmentKey } from './archive-objects.js';
import {
  TIMEOUT_MS,
  alter,
  archiveByHand,
  archiver,
  bytesOf,
  get,
  index,
  keys,
  log,
  operator,
  startStorage,
  storage,
  store,
  submit,
  verify,
} from './archive-under-test.fixture.js';

archiveByHand();

describe('the archive of the log', () => {
  it(
    'holds the whole log in segments that are chained, each noted in the log',
    async () => {
      const last = await submit(20);
      const noted = await archiver().archive();
      expect(noted.length).toBeGreaterThan(2);
      expect((await index()).map(({ number, from, to, hash }) => ({ number, from, to, hash }))).toEqual(
        noted.map(({ number, from, to, hash }) => ({ number, from, to, hash })),
      );
      expect(noted[0]?.from).toBe(1);
      expect(noted.at(-1)?.to).toBe(last);
      for (const [at, segment] of noted.entries()) {
        if (at > 0)
          expect({ from: segment.from - 1, previous: segment.previous }).toEqual({
            from: noted[at - 1]?.to,
            previous: noted[at - 1]?.hash,
          });
      }
      const { findings, next, ...found } = await verify();
      expect({ findings, next }).toEqual({ findings: [], next: null });
      expect(found).toMatchObject({
        segments: noted.length,
        compared: noted.length,
        messages: last,
        to: last,
        hash: noted.at(-1)?.hash,
      });
      expect(logArchiveSchema.parse(await get('/fornax/v1/log/archive'))).toMatchObject({
        segments: noted.length,
        to: last,
      });
      expect(proofOfRange(await index(), 1, last).hash).toBe(noted.at(-1)?.hash);
      // Nothing but notes is not archived, or that would never end.
      expect(await archiver().archive()).toEqual([]);
      await submit(1);
      expect(await archiver().archive()).toHaveLength(1);
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'is the same whichever step whoever archives dies at',
    async () => {
      await submit(12);
      const dead = new LogUnavailable('killed');
      const dies = {
        beforeAnObject: { objects: Object.assign(new ArchiveObjects(store()), { put: () => Promise.reject(dead) }) },
        behindAnObject: { log: dyingAt(log(), 'before', dead) },
        behindANote: { log: dyingAt(log(), 'after', dead) },
      };
      for (const parts of Object.values(dies)) await expect(archiver(parts).archive()).rejects.toBe(dead);
      await archiver().archive();
      const archived = await index();
      expect(await keys()).toEqual(archived.map(({ key }) => key));
      expect(archived.map(({ number }) => number)).toEqual(archived.map((_, at) => at + 1));
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'takes an object that nobody noted as it is, although more has been written since',
    async () => {
      await submit(2);
      const dead = new LogUnavailable('killed');
      await expect(archiver({ log: dyingAt(log(), 'before', dead) }).archive()).rejects.toBe(dead);
      const [orphan] = await keys();
      await submit(2);
      await archiver().archive();
      expect((await index())[0]?.key).toBe(orphan);
      expect((await keys()).length).toBe((await index()).length);
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'is one chain, also when two archive at once',
    async () => {
      await submit(20);
      await Promise.allSettled([archiver().archive(), archiver().archive()]);
      await archiver().archive();
      expect((await index()).map(({ number }) => number)).toEqual((await index()).map((_, at) => at + 1));
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'goes on beside what it holds of another way of the log, which stays',
    async () => {
      await submit(3);
      const { epoch } = await storage.log.head();
      const other = { sequence: 1, timeNs: 1n, subject: 'fx.ev.task.other', headers: [], data: Buffer.from('{}') };
      const about = { epoch, number: 1, previous: '0'.repeat(64), from: 1, to: 1, missing: [] };
      await new ArchiveObjects(store()).put(segmentKey(epoch, 1, 0), await encodeSegment(about, [other]));
      await archiver().archive();
      expect((await index())[0]?.key).toBe(segmentKey(epoch, 1, 1));
      expect((await bytesOf(segmentKey(epoch, 1, 0))).toString('latin1')).toContain('"to":1,');
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'tells one altered byte, and where it is',
    async () => {
      await submit(20);
      const segments = await archiver().archive();
      const [, second, third] = segments;
      if (second === undefined || third === undefined) throw new Error('there are too few segments');
      await alter(second.key, second.sizeBytes - 60);
      await alter(third.key, 30);
      const { findings, segments: looked } = await verify();
      expect(looked).toBe(segments.length);
      expect(findings).toEqual([
        expect.objectContaining({ segment: second.number, key: second.key, sequence: second.from }),
        expect.objectContaining({ segment: third.number, key: third.key, offset: 0 }),
      ]);
      expect(findings[0]?.offset).toBeLessThanOrEqual(second.sizeBytes - 60);
    },
    TIMEOUT_MS,
  );

  it(
    'tells segments that are missing, or in another order',
    async () => {
      await submit(20);
      const [first, second, third] = await archiver().archive();
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('there are too few segments');
      const bytes = await bytesOf(third.key);
      await store().deleteMany(LOG_ARCHIVE_BUCKET, [first.key, second.key]);
      const source = async function* () {
        yield bytes;
      };
      await store().put(LOG_ARCHIVE_BUCKET, second.key, source(), {
        sizeBytes: bytes.length,
        contentType: 'application/octet-stream',
        userMetadata: {},
      });
      const { findings } = await verify();
      expect(findings).toEqual([
        expect.objectContaining({ segment: 1, key: null, reason: 'there is no such object', sequence: 1 }),
        expect.objectContaining({
          segment: 2,
          key: second.key,
          reason: expect.stringContaining(`it is segment ${third.number}`),
        }),
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    'is nobody’s bucket',
    async () => {
      await submit(1);
      const [segment] = await archiver().archive();
      const user = await storage.user('eve@example.org');
      const clients = [storage.s3(user), storage.s3(operator), storage.lease(storage.newLease(user, 'results'))];
      for (const client of clients)
        for (const Bucket of [LOG_ARCHIVE_BUCKET, 'fornax-log-archive']) {
          await expect(client.send(new ListObjectsV2Command({ Bucket }))).rejects.toThrow();
          await expect(client.send(new GetObjectCommand({ Bucket, Key: segment?.key ?? '' }))).rejects.toThrow();
        }
      const asUser = await fetch(`${storage.app.url}/fornax/v1/log/archive/verify`, {
        headers: { authorization: user.token },
      });
      expect([401, 403]).toContain(asUser.status);
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe('a lost log', () => {
  const restoreSchemaOf = async (path: string, method = 'GET') => {
    const response = await fetch(storage.app.url + path, { method, headers: { authorization: operator.token } });
    return { status: response.status, body: logRestoreSchema.parse(await response.json()) };
  };
  const restore = async (log = '') => {
    expect((await restoreSchemaOf(`/fornax/v1/log/archive/restore${log}`, 'POST')).status).toBe(202);
    return eventually(
      async () => {
        const { body } = await restoreSchemaOf('/fornax/v1/log/archive/restore');
        return body.state !== 'running' && body;
      },
      { timeoutMs: 60_000 },
    );
  };
  const held = async () => {
    const { epoch, sequence } = await log().head();
    const messages: ArchivedMessage[] = [];
    for await (const batch of log().messages(1, sequence)) messages.push(...batch);
    return {
      epoch,
      messages: messages.map(({ timeNs: _, ...message }) => ({
        ...message,
        data: Buffer.from(message.data).toString(),
      })),
    };
  };
  const nats = (): NatsConnection => storage.app.app.get<NatsConnection>(NATS);
  const lose = async (): Promise<void> => {
    await (await managerOf(nats())).streams.delete(STREAMS.events);
  };

  beforeEach(() => serveRestores(nats(), new RestoredStream(nats())));

  it(
    'is put back as it was: each message with its sequence, and the notes behind the last segment too',
    async () => {
      await submit(10);
      await archiver().archive();
      await submit(10);
      await archiver().archive();
      const before = await held();
      await lose();
      expect(await restore()).toMatchObject({ state: 'done', restored: before.messages.length, reason: null });
      expect(await held()).toEqual(before);
      expect((await verify()).findings).toEqual([]);
      // It goes on as if nothing had been.
      await eventually(async () => ((await get('/fornax/v1/log/state')) as { isRight: boolean }).isRight);
      await submit(3);
      expect(await archiver().archive()).not.toEqual([]);
      expect((await verify()).findings).toEqual([]);
      const { config } = await (await managerOf(nats())).streams.info(STREAMS.events);
      expect(config).toMatchObject({ deny_delete: true, deny_purge: false, duplicate_window: 120_000_000_000 });
    },
    TIMEOUT_MS,
  );

  it(
    'that holds anything is left alone',
    async () => {
      await submit(3);
      await archiver().archive();
      const before = await held();
      expect(await restore()).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('the event log is not lost'),
      });
      expect(await held()).toEqual(before);
    },
    TIMEOUT_MS,
  );

  it(
    'is not touched when its archive is damaged, and is put back after a try that died on its way',
    async () => {
      await submit(10);
      const [first] = await archiver().archive();
      const before = await held();
      await lose();
      const client = new RestoreClient(nats());
      await client.begin(before.epoch);
      await client.append([
        { sequence: 1, timeNs: 0n, subject: 'fx.ev.task.half', headers: [], data: Buffer.from('{}') },
      ]);
      expect(await restore(`?log=${before.epoch}`)).toMatchObject({ state: 'done' });
      expect(await held()).toEqual(before);
      await lose();
      await alter(first?.key ?? '', 40);
      expect(await restore(`?log=${before.epoch}`)).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('segment 1 of the archive'),
      });
      await expect(log().head()).rejects.toThrow();
    },
    TIMEOUT_MS,
  );

  it(
    'has the gaps that were given up before',
    async () => {
      const epoch = randomUUID();
      const at = (sequence: number, previous: number): ArchivedMessage => ({
        sequence,
        timeNs: 1n,
        subject: 'fx.ev.task.with-a-gap',
        headers: [['Nats-Expected-Last-Subject-Sequence', String(previous)]],
        data: Buffer.from('{}'),
      });
      const about = {
        epoch,
        number: 1,
        previous: '0'.repeat(64),
        from: 1,
        to: 6,
        missing: [
          [2, 3],
          [6, 6],
        ] as [number, number][],
      };
      await new ArchiveObjects(store()).put(
        segmentKey(epoch, 1, 0),
        await encodeSegment(about, [at(1, 0), at(4, 3), at(5, 4)]),
      );
      await lose();
      expect(await restore(`?log=${epoch}`)).toMatchObject({ state: 'done', restored: 7 });
      const { state } = await (await managerOf(nats())).streams.info(STREAMS.events, { deleted_details: true });
      expect(state).toMatchObject({ last_seq: 7, deleted: [2, 3, 6] });
    },
    TIMEOUT_MS,
  );
});

it(
  'archives by itself, and goes on after a restart',
  async () => {
    await storage.stop();
    await startStorage({ FORNAX_LOG_ARCHIVE_AFTER_MS: '50', FORNAX_LOG_ARCHIVE_LEADER_TTL_MS: '500' });
    const first = await submit(1);
    const archivedTo = async () => (await index()).at(-1)?.to ?? 0;
    await eventually(async () => (await archivedTo()) >= first);
    await storage.restart();
    const second = await submit(1);
    await eventually(async () => (await archivedTo()) >= second);
    expect((await verify()).findings).toEqual([]);
  },
  TIMEOUT_MS,
);

/** A log whose first note of a segment fails: before it is there, or after. */
const dyingAt = (real: JetStreamLog, when: 'before' | 'after', error: Error): JetStreamLog => {
  const append: EventLog['append'] = async (aggregate, id, commit: Commit, expected) => {
    if (when === 'after') await real.append(aggregate, id, commit, expected);
    throw error;
  };
  return new Proxy(real, {
    get: (target, name) => {
      if (name === 'append') return append;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
};
