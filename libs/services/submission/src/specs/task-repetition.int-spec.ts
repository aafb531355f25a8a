import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createdSchema, type WireTask } from '@fornax/contracts';
import type { TaskEvent, TaskSpec } from '@fornax/domain';
import { Sealer } from '@fornax/identity';
import { anEnd, aLease, cancelRequested, concluded, dispatched } from '@fornax/testing';
import { minimal, readFrom, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const read = (id: string): Promise<WireTask> => readFrom(harness, id);
const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  harness.call('POST', path, body, { headers });
const uuidOf = (answer: Answer): string => createdSchema.parse(answer.json()).uuid;
const failure = (instance: number) => anEnd(instance, { outcome: 'failure', cause: 'user', exitCode: 1 });
const cancelled = (instance: number) => anEnd(instance, { outcome: 'cancelled' });

/** Instances 0 and 4 failed, 1 succeeded, 2 and 3 were cancelled. */
const mixed = async (body: object = {}): Promise<string> => {
  const uuid = await submitTo(harness, { instanceCount: 5, ...body });
  await harness.happen(uuid, dispatched(aLease(0), aLease(1), aLease(2), aLease(4)));
  const waiting: TaskEvent = { type: 'WaitingInstancesCancelled', instances: '3', at: 1 };
  await harness.happen(uuid, concluded(failure(0), anEnd(1), failure(4)), cancelRequested, waiting);
  await harness.happen(uuid, concluded(cancelled(2)));
  return uuid;
};

const everything = {
  tags: ['a', 'b'],
  labels: { Team: 'Film' },
  resourceBuckets: ['input'],
  resultBucket: 'output',
  resultsBucketPrefix: 'out/',
  resultsWhitelist: '.*\\.png',
  snapshotBucket: 'output',
  snapshotBlacklist: '.*\\.tmp',
  uploadResultsOnCancellation: true,
  retrySettings: { maxTotalRetries: 7, maxPerInstanceRetries: 2 },
  hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 }],
  schedulingType: 'reserved',
  targetedReservationName: 'mine',
  completionTimeToLive: '1.00:00:00',
  autoDeleteOnCompletion: true,
  maxTimeQueueSeconds: 900,
  privileges: { exportApiAndStorageCredentialsInEnvironment: true },
  defaultResourcesCacheTTLSec: 60,
  constants: [
    { key: 'DOCKER_CMD', value: 'true' },
    { key: 'QARNOT_SECRET_KEY', value: 'hunter2' },
  ],
};

/** The same for a task that ends in the test: its events are of 1970, so its time to live would be over at once. */
const { completionTimeToLive: _ttl, autoDeleteOnCompletion: _deleted, ...lasting } = everything;

/** What two tasks may differ in although one is a copy of the other. */
const comparable = ({
  uuid: _uuid,
  shortname: _shortname,
  fornax: _fornax,
  creationDate: _created,
  lastModified: _modified,
  stateTransitionTime: _transition,
  wallTime: _wall,
  ...task
}: WireTask) => task;

const secretOf = async (taskId: string): Promise<string> => {
  const [first] = (await harness.log.readAggregate('task', taskId)).flatMap(({ events }) => events);
  const { constants, wrappedKey = '' }: TaskSpec | { constants: []; wrappedKey: string } =
    first?.type === 'TaskSubmitted' ? first.spec : { constants: [], wrappedKey: '' };
  const sealer = harness.test.app.get(Sealer);
  const [secret] = constants.flatMap((constant) => ('sealed' in constant ? [constant.sealed] : []));
  return sealer.open(sealer.unwrap(wrappedKey), secret ?? '');
};

describe('a clone', () => {
  it('has everything that its origin has, under an id and a shortname of its own', async () => {
    const origin = await submitTo(harness, { ...everything, shortname: 'the-first' });
    const answer = await post('/tasks/the-first/clone');
    const clone = uuidOf(answer);
    expect(answer.headers.get('location')).toBe(`/tasks/${clone}`);
    expect(clone).not.toBe(origin);
    const [copy, original] = [await read(clone), await read(origin)];
    expect(comparable(copy)).toEqual(comparable(original));
    expect([copy.shortname, copy.fornax.origin]).toEqual([clone, { taskId: origin, kind: 'clone' }]);
    expect(original.fornax.origin).toBeNull();
  });

  it('keeps its secrets when the origin is deleted, under a key of its own', async () => {
    const origin = await submitTo(harness, everything);
    const clone = uuidOf(await post(`/tasks/${origin}/clone`, {}));
    await harness.call('DELETE', `/tasks/${origin}`);
    expect(await secretOf(clone)).toBe('hunter2');
    const [of, from] = await Promise.all(
      [clone, origin].map(async (id) => JSON.stringify(await harness.log.readAggregate('task', id))),
    );
    expect(`${of}${from}`).not.toContain('hunter2');
    const keyIn = (text = '') => /"wrappedKey":"([^"]+)"/.exec(text)?.[1];
    expect(keyIn(of)).not.toBe(keyIn(from));
  });

  it('is changed by what the body names, in any case, and by nothing that is null', async () => {
    const origin = await submitTo(harness, everything);
    const clone = uuidOf(
      await post(`/tasks/${origin}/clone`, {
        Name: 'another',
        Shortname: 'second',
        InstanceCount: 9,
        Tags: [],
        Labels: null,
        SchedulingType: 'Flex',
        AdvancedResourceBuckets: [{ BucketName: 'input', Filtering: null }],
        MaxTimeQueueSeconds: null,
        Constants: [
          { Key: 'QARNOT_SECRET_KEY', Value: '[SECRET]' },
          { Key: 'NEW', Value: 'x' },
        ],
        Uuid: '00000000-0000-0000-0000-000000000000',
      }),
    );
    expect(await read('second')).toMatchObject({
      uuid: clone,
      name: 'another',
      instanceCount: 9,
      tags: [],
      labels: { Team: 'Film' },
      schedulingType: 'flex',
      targetedReservationName: null,
      resourceBuckets: [],
      advancedResourceBuckets: [{ bucketName: 'input' }],
      maxTimeQueueSeconds: 900,
      constants: [
        { key: 'QARNOT_SECRET_KEY', value: '[SECRET]' },
        { key: 'NEW', value: 'x' },
      ],
    });
    expect(await secretOf(clone)).toBe('hunter2');
  });

  it('of ranges has the same ranges, or the count that was asked for', async () => {
    const origin = await submitTo(harness, { instanceCount: 0, advancedRanges: '3-5,9' });
    expect(await read(uuidOf(await post(`/tasks/${origin}/clone`, { instanceCount: 0 })))).toMatchObject({
      advancedRanges: '3-5,9',
      instanceCount: 0,
      totalInstanceCount: 4,
    });
    expect(await read(uuidOf(await post(`/tasks/${origin}/clone`, { instanceCount: 2 })))).toMatchObject({
      advancedRanges: null,
      instanceCount: 2,
    });
  });

  it('is refused like any other task', async () => {
    const origin = await submitTo(harness, { shortname: 'in-use' });
    const refused = await post(`/tasks/${origin}/clone`, { profile: 'nope' });
    expect([refused.status, refused.json()['errors']]).toEqual([400, { profile: [expect.any(String)] }]);
    expect(await post(`/tasks/${origin}/clone`, { shortname: 'in-use' })).toMatchObject({ status: 400 });
    expect(await post(`/tasks/${origin}/clone`, { resourceBuckets: ['gone'] })).toMatchObject({ status: 404 });
    expect(
      await post(`/tasks/${origin}/clone`, { constants: [{ key: 'QARNOT_SECRET_B', value: '[SECRET]' }] }),
    ).toMatchObject({ status: 400, text: expect.stringContaining('QARNOT_SECRET_B') });
  });
});

describe('retry, resume and recover', () => {
  it.each([
    ['retry', '0,4', 2],
    ['resume', '2-3', 2],
    ['recover', '0,2-4', 4],
  ] as const)('%s makes a task of exactly the instances %s', async (kind, ranges, count) => {
    const origin = await mixed(lasting);
    const made = uuidOf(
      await post(`/tasks/${origin}/${kind}`, { InstanceCount: 77, AdvancedRanges: '1-50', name: 'x' }),
    );
    expect(await read(made)).toMatchObject({
      name: 'x',
      state: 'Submitted',
      advancedRanges: ranges,
      instanceCount: 0,
      totalInstanceCount: count,
      shortname: made,
      tags: ['a', 'b'],
      retrySettings: { maxTotalRetries: 7, maxPerInstanceRetries: 2 },
      fornax: { origin: { taskId: origin, kind } },
    });
    expect(await secretOf(made)).toBe('hunter2');
    expect((await read(origin)).state).toBe('Cancelled');
  });

  it('say why when there is nothing to repeat', async () => {
    const done = await submitTo(harness, { instanceCount: 1 });
    const early = await post(`/tasks/${done}/retry`);
    expect([early.status, early.json()['message']]).toEqual([400, expect.stringContaining('is not finished')]);
    await harness.happen(done, dispatched(aLease(0)), concluded(anEnd(0)));
    for (const [kind, what] of [
      ['retry', 'no failed instances'],
      ['resume', 'no cancelled instances'],
      ['recover', 'no failed or cancelled instances'],
    ] as const) {
      const refused = await post(`/tasks/${done}/${kind}`);
      expect([refused.status, refused.json()['message']]).toEqual([400, expect.stringContaining(what)]);
    }
    expect(await post(`/tasks/${done}/restart`)).toMatchObject({
      status: 400,
      text: expect.stringContaining('deprecated'),
    });
  });

  it('can be repeated under one Idempotency-Key, and not with another body', async () => {
    const origin = await mixed();
    const headers = { 'idempotency-key': 'again' };
    const [first, second] = await Promise.all([
      post(`/tasks/${origin}/retry`, {}, headers),
      post(`/tasks/${origin}/retry`, {}, headers),
    ]);
    expect(uuidOf(first)).toBe(uuidOf(second));
    expect(uuidOf(await post(`/tasks/${origin}/recover`, {}, headers))).not.toBe(uuidOf(first));
    expect(await post(`/tasks/${origin}/retry`, { name: 'other' }, headers)).toMatchObject({ status: 409 });
    expect(await post('/tasks', minimal, headers)).toMatchObject({ status: 200 });
  });
});

describe('updating resources', () => {
  it('is refused with 400 unless an instance runs, and asked of the nodes when one does', async () => {
    const uuid = await submitTo(harness, { instanceCount: 1, resourceBuckets: ['input'] });
    const refused = await harness.call('PATCH', `/tasks/${uuid}`);
    expect([refused.status, refused.json()['message']]).toEqual([400, expect.stringContaining('is not running')]);
    await harness.happen(uuid, dispatched(aLease(0)), {
      type: 'InstancesStarted',
      leases: [{ instance: 0, leaseId: '0/1', startedAt: 1 }],
      at: 1,
    });
    expect(await harness.call('PATCH', `/tasks/${uuid}`)).toMatchObject({ status: 200, text: '' });
    const [last] = (await harness.log.readAggregate('task', uuid)).slice(-1);
    expect(last?.events).toMatchObject([{ type: 'TaskResourcesUpdateRequested' }]);
    await harness.happen(uuid, concluded(anEnd(0)));
    expect(await harness.call('PATCH', `/tasks/${uuid}`)).toMatchObject({ status: 400 });
    expect(await harness.call('PATCH', '/tasks/b2a3f3f0-0000-4000-8000-000000000001')).toMatchObject({ status: 404 });
  });
});

describe('a task that waited for too long', () => {
  it('has failed, with an error that says so', async () => {
    const uuid = await submitTo(harness, { maxTimeQueueSeconds: 5 });
    await harness.happen(uuid, { type: 'WaitingInstancesExpired', instances: '0-3', at: 9_000 });
    expect(await read(uuid)).toMatchObject({
      state: 'Failure',
      maxTimeQueueSeconds: 5,
      errors: [
        { code: 'FX-QUEUE-TIME', message: expect.stringContaining('5 seconds'), debug: expect.stringContaining('0-3') },
      ],
    });
    expect(await read(uuidOf(await post(`/tasks/${uuid}/retry`)))).toMatchObject({ advancedRanges: '0-3' });
  });
});

describe('changing a task', () => {
  it('replaces constants and tags, keeps masked secrets, and leaves what is absent', async () => {
    const uuid = await submitTo(harness, everything);
    await harness.call('PUT', `/tasks/${uuid}`, { Tags: null, Name: 'ignored', Constants: null });
    expect(await read(uuid)).toMatchObject({ name: 'a task', tags: ['a', 'b'] });
    const constants = [
      { key: 'QARNOT_SECRET_KEY', value: '[SECRET]' },
      { key: 'QARNOT_SECRET_NEW', value: 'other' },
    ];
    expect(await harness.call('PUT', `/tasks/${uuid}`, { constants, tags: [] })).toMatchObject({ status: 200 });
    expect(await read(uuid)).toMatchObject({
      tags: [],
      constants: [
        { key: 'QARNOT_SECRET_KEY', value: '[SECRET]' },
        { key: 'QARNOT_SECRET_NEW', value: '[SECRET]' },
      ],
    });
    const unknown = [{ key: 'QARNOT_SECRET_UNKNOWN', value: '[SECRET]' }];
    expect(await harness.call('PUT', `/tasks/${uuid}`, { constants: unknown })).toMatchObject({ status: 400 });
    expect(await harness.call('POST', '/tasks', { ...minimal, constants: unknown })).toMatchObject({ status: 400 });
  });
});
