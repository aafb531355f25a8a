import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FornaxClient } from '@fornax/client';
import { CONTROL_SERVICES, STREAMS, leaveSubject, restoreSubject } from '@fornax/contracts';
import { S3Client, encodePath, sha256Hex, signRequest } from '@fornax/s3';
import { eventually } from '@fornax/testing';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call } from './call.js';
import { NodeIntruder } from './node-intruder.js';
import { newOrganization, newPerson, type Person } from './people.js';
import { platform, readRuntime } from './platform.js';
import { runScript } from './run-script.js';

const ARCHIVE = '.log-archive';
const client = new FornaxClient({ url: platform.apiUrl, token: platform.token });
let segment: string;
let person: Person;
let others: readonly Person[];
let operator: NatsConnection;

const enter = async (user: string): Promise<NatsConnection> => {
  const passwords = JSON.parse(await readFile(join(platform.dataDir, 'secrets', 'nats.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const { nats } = await readRuntime();
  return connect({ servers: nats.url, user, pass: passwords[user] ?? '', reconnect: false });
};

/** Asks the endpoint to copy an object. @throws Error it did not */
const copy = async (
  who: { readonly accessKey: string; readonly secretKey: string },
  source: string,
  to: string,
): Promise<void> => {
  const path = encodePath(to);
  const about = { method: 'PUT', host: new URL(platform.storageUrl).host, path, query: [], region: 'default' };
  const wanted = { 'x-amz-copy-source': encodePath(source) };
  const headers = signRequest(who, { ...about, headers: wanted, payloadHash: sha256Hex(''), at: Date.now() });
  const { status } = await fetch(platform.storageUrl + path, { method: 'PUT', headers });
  if (status !== 200) throw new Error(String(status));
};

/** Everything in the archive as it should be. */
const isWhole = async (): Promise<boolean> => {
  for (let from: { readonly after?: string } = {}; ;) {
    const { findings, next } = await client.log.verifyArchive(from);
    expect(findings).toEqual([]);
    if (next === null) return true;
    from = { after: next };
  }
};

beforeAll(async () => {
  // What set the platform up left a connection, which the other side may have closed while this process was loading the spec.
  await eventually(async () => (await call('GET', '/health/ready').catch(() => undefined))?.status === 200);
  const organization = await newOrganization();
  [person, ...others] = [
    await newPerson('user'),
    await newPerson('auditor', organization.id),
    await newPerson('coordinator', organization.id),
  ];
  const { epoch } = await eventually(
    async () => {
      const state = await client.log.archive();
      return state.segments > 0 && state;
    },
    { timeoutMs: 60_000 },
  );
  segment = `${epoch ?? ''}/0000000001.000`;
  operator = await enter('service/operator');
}, 120_000);
afterAll(() => operator.close());

describe('the archive of the event log', () => {
  it('is no bucket of anybody, an operator included, by no name and no way round', async () => {
    const came: string[] = [];
    for (const { email, token: secretKey } of [person, ...others, await newPerson('operator')]) {
      const s3 = new S3Client({ endpoint: platform.storageUrl, accessKey: email, secretKey });
      const own = `own-${Math.random().toString(36).slice(2)}`;
      const attempts: Record<string, () => Promise<unknown>> = {};
      for (const bucket of [ARCHIVE, 'fornax-log-archive', `%2Elog-archive`, `./${ARCHIVE}`, `${own}/../${ARCHIVE}`]) {
        attempts[`${bucket}: lists`] = () => s3.listObjects(bucket, '');
        attempts[`${bucket}: reads`] = () => s3.getBytes(bucket, segment);
        attempts[`${bucket}: heads`] = async () => {
          if ((await s3.headObject(bucket, segment)) === undefined) throw new Error('there is none');
        };
      }
      for (const bucket of [ARCHIVE, `%2Elog-archive`, `./${ARCHIVE}`]) {
        attempts[`${bucket}: writes`] = () => s3.putObject(bucket, segment, 'forged');
        attempts[`${bucket}: deletes`] = () => s3.deleteObject(bucket, segment);
        attempts[`${bucket}: deletes the bucket`] = () => s3.deleteBucket(bucket);
        attempts[`${bucket}: makes it`] = () => s3.createBucket(bucket);
      }
      await s3.createBucket(own).catch(() => undefined);
      for (const source of [`${ARCHIVE}/${segment}`, `${own}/../${ARCHIVE}/${segment}`, `%2Elog-archive/${segment}`])
        attempts[`copies ${source}`] = () => copy({ accessKey: email, secretKey }, source, `/${own}/copy`);
      attempts['climbs in a key of its own'] = () => s3.getBytes(own, `../${ARCHIVE}/${segment}`);
      for (const [name, attempt] of Object.entries(attempts))
        await attempt().then(
          () => came.push(`${email} ${name}`),
          () => undefined,
        );
      expect((await s3.listBuckets()).filter((name) => name.includes('log-archive'))).toEqual([]);
      s3.close();
    }
    expect(came).toEqual([]);
    expect(await isWhole()).toBe(true);
  }, 120_000);

  it('is asked about, verified and restored from by operators alone', async () => {
    const requests = [
      ['GET', '/fornax/v1/log/archive'],
      ['GET', '/fornax/v1/log/archive/verify'],
      ['POST', '/fornax/v1/log/archive/restore'],
      ['GET', '/fornax/v1/log/archive/restore'],
    ] as const;
    for (const [method, path] of requests) {
      expect((await call(method, path)).status).toBe(401);
      for (const { token } of [person, ...others])
        expect({ path, status: (await call(method, path, { token })).status }).toEqual({ path, status: 403 });
    }
  });

  it('is hidden from an instance, on the disk as over the wire', async () => {
    const script = `
      for place in '${platform.dataDir}' '${platform.dataDir}/objects' '${platform.dataDir}/nats' /proc/1/root'${platform.dataDir}'; do
        [ -n "$(find "$place" -type f 2>/dev/null | head -n 1)" ] && echo "saw $place"
      done
      find / -xdev -name '0000000001.000*' 2>/dev/null
      echo tried`;
    expect((await runScript(platform, script)).trim().replaceAll(/^0> /gm, '')).toBe('tried');
  }, 120_000);
});

/** Writes to, deletes from, or puts back the log and its archive. */
const HARMS: readonly (readonly [string, string])[] = [
  [restoreSubject('begin'), '{"epoch":"00000000-0000-4000-8000-000000000000"}'],
  [restoreSubject('append'), 'x'],
  [restoreSubject('finish'), '{"epoch":"00000000-0000-4000-8000-000000000000","to":1}'],
  [leaveSubject, '{"to":1000000}'],
  ['fx.restoring.log-archive.log', '{}'],
  ['fx.restoring.task.forged', '{}'],
  [`$JS.API.STREAM.DELETE.${STREAMS.events}`, ''],
  [`$JS.API.STREAM.PURGE.${STREAMS.events}`, '{"filter":"fx.ev.log-archive.log"}'],
  [`$JS.API.STREAM.PURGE.${STREAMS.events}`, '{"seq":5}'],
  [`$JS.API.STREAM.PURGE.${STREAMS.events}`, ''],
  [`$JS.API.STREAM.MSG.DELETE.${STREAMS.events}`, '{"seq":1}'],
  [`$JS.API.STREAM.UPDATE.${STREAMS.events}`, `{"name":"${STREAMS.events}","subjects":["fx.ev.>"],"max_msgs":1}`],
  [`$JS.API.STREAM.SNAPSHOT.${STREAMS.events}`, '{"deliver_subject":"_INBOX.x"}'],
];

describe('the log that the archive is of', () => {
  const stream = async () => {
    const answer = await operator.request(`$JS.API.STREAM.INFO.${STREAMS.events}`, '', { timeout: 5_000 });
    const { created, config, state } = answer.json<{
      readonly created: string;
      readonly config: object;
      readonly state: { readonly first_seq: number; readonly num_deleted?: number };
    }>();
    return { created, config, first: state.first_seq, deleted: state.num_deleted ?? 0 };
  };
  const foreign = async (): Promise<number> => {
    const filter = JSON.stringify({ subjects_filter: 'fx.ev.task.forged' });
    const answer = await operator.request(`$JS.API.STREAM.INFO.${STREAMS.events}`, filter, { timeout: 5_000 });
    return Object.keys(answer.json<{ readonly state: { readonly subjects?: object } }>().state.subjects ?? {}).length;
  };

  it('is harmed by no service’s user, who are told nothing but that it is not lost', async () => {
    const before = await stream();
    const users = platform.mode === 'platform' ? ['platform'] : CONTROL_SERVICES;
    for (const service of users) {
      const nats = await enter(`service/${service}`);
      const told: string[] = [];
      for (const [subject, body] of HARMS)
        await nats.request(subject, body, { timeout: 500 }).then(
          (answer) => told.push(answer.string()),
          () => undefined,
        );
      await nats.close();
      const mayAsk = service === 'platform' || service === 'storage';
      expect({ service, told: told.map((text) => /"error"/.test(text)) }).toEqual({
        service,
        told: mayAsk ? [true, true, true, true] : [],
      });
    }
    expect(await stream()).toEqual(before);
    expect(await foreign()).toBe(0);
  }, 120_000);

  it('is harmed by no service’s user through the archive’s own subjects, but by the storage service, which writes them', async () => {
    for (const service of platform.mode === 'platform' ? [] : CONTROL_SERVICES.filter((one) => one !== 'storage')) {
      const nats = await enter(`service/${service}`);
      await expect(nats.request('fx.ev.log-archive.forged', '{}', { timeout: 500 })).rejects.toThrow();
      await nats.close();
    }
  }, 60_000);

  it('is harmed by no node', async () => {
    const before = await stream();
    const node = await NodeIntruder.enter(platform.dataDir, (await readRuntime()).nats.url, 'node-1');
    for (const [subject, body] of [...HARMS, ['fx.ev.log-archive.log', '{}'] as const]) await node.say(subject, body);
    await eventually(() => node.refusals.length > HARMS.length, { timeoutMs: 30_000 });
    await node.close();
    expect(await stream()).toEqual(before);
    expect(await isWhole()).toBe(true);
  }, 60_000);
});
