import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createdSchema, RPC, type HoldInputsReply, type WireTask } from '@fornax/contracts';
import type { TaskEvent, TaskSpec } from '@fornax/domain';
import { NATS } from '@fornax/service-kit';
import type { Nats } from '@fornax/event-store';
import { anEnd, aLease, aRef, cancelRequested, concluded, dispatched, started } from '@fornax/testing';
import { openedConstants } from './opened-constants.fixture.js';
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

const secretOf = async (taskId: string): Promise<string | undefined> =>
  Object.values(await openedConstants(harness, 'task', taskId))[0];

describe('a pinned clone', () => {
  const digests = ['0a'.repeat(32), '0b'.repeat(32)] as const;
  const fine: HoldInputsReply = { lost: [], refreshed: [], changed: [], changedCount: 0 };
  let asked: unknown[] = [];
  let answer: HoldInputsReply = fine;
  beforeAll(() => {
    harness.test.app.get<Nats>(NATS).subscribe(RPC.holdInputs, {
      callback: (_, message) => {
        asked.push(message.json());
        message.respond(JSON.stringify({ ok: answer }));
      },
    });
  });
  beforeEach(() => {
    [asked, answer] = [[], fine];
  });
  const ended = async (body: object = {}): Promise<string> => {
    const uuid = await submitTo(harness, { instanceCount: 3, resourceBuckets: ['input'], ...body });
    await harness.happen(uuid, dispatched(aLease(0), aLease(1), aLease(2)));
    const [a, b] = digests;
    await harness.happen(
      uuid,
      concluded(anEnd(0, { inputs: a }), { ...failure(1), inputs: b }, anEnd(2, { inputs: a })),
    );
    return uuid;
  };
  const pinned = (id: string, more: object = {}, kind = 'clone'): Promise<Answer> =>
    post(`/tasks/${id}/${kind}`, { fornax: { pinned: true }, ...more });
  const messageOf = ({ status, json }: Answer): unknown => [status, json()['message']];
  const specOf = async (taskId: string): Promise<TaskSpec | undefined> => {
    const [first] = (await harness.log.readAggregate('task', taskId)).flatMap(({ events }) => events);
    return first?.type === 'TaskSubmitted' ? first.spec : undefined;
  };

  it('is pinned to the lists of inputs that its origin had, which storage keeps for it', async () => {
    const origin = await ended();
    const copy = uuidOf(await pinned(origin));
    const { owner } = asked[0] as { readonly owner: string };
    expect(asked).toEqual([{ owner, fromTask: origin, toTask: copy, digests: [...digests] }]);
    expect((await specOf(copy))?.pin).toEqual({
      inputs: [
        { instances: '0,2', digest: digests[0] },
        { instances: '1', digest: digests[1] },
      ],
    });
    expect([(await read(copy)).fornax.pinned, (await read(origin)).fornax.pinned]).toEqual([true, false]);
    // A copy of it is a task like any other, unless asked otherwise.
    expect((await specOf(uuidOf(await post(`/tasks/${copy}/clone`))))?.pin).toBeUndefined();
    const retried = uuidOf(await pinned(origin, {}, 'retry'));
    expect((await specOf(retried))?.pin).toEqual({ inputs: [{ instances: '1', digest: digests[1] }] });
  });

  it('is refused with what has changed, and leaves no task', async () => {
    const origin = await ended();
    const object = { bucket: 'input', key: 'a"b' };
    answer = { ...fine, changed: [{ ...object, change: 'replaced' }], changedCount: 21 };
    expect(messageOf(await pinned(origin, { shortname: 'not-the-same' }))).toEqual([
      409,
      '21 inputs are not what they were: "input/a\\"b" has other content, and 20 more',
    ]);
    expect((await harness.call('GET', '/tasks/not-the-same')).status).toBe(404);
    answer = { ...fine, changed: [{ ...object, change: 'deleted' }], changedCount: 1 };
    expect(messageOf(await pinned(origin))).toEqual([409, '1 input is not what it was: "input/a\\"b" is deleted']);
    answer = { ...fine, lost: [digests[1]] };
    expect(messageOf(await pinned(origin))).toEqual([409, 'The list of the inputs of instance 1 is lost']);
    answer = { ...fine, refreshed: [digests[0]] };
    expect(messageOf(await pinned(origin))).toEqual([409, expect.stringContaining('brought to instance 0,2 while')]);
    answer = fine;
    expect((await pinned(origin, { shortname: 'not-the-same' })).status).toBe(200);
  });

  it('is refused where nothing is recorded, or other inputs are named, before storage is asked', async () => {
    const older = await mixed({ resourceBuckets: ['input'] });
    expect(messageOf(await pinned(older))).toEqual([
      400,
      expect.stringContaining('which inputs instances 0, 1, 2, 3, 4 had'),
    ]);
    const running = await submitTo(harness, { instanceCount: 2, resourceBuckets: ['input'] });
    expect((await pinned(running)).status).toBe(400);
    const origin = await ended();
    expect(messageOf(await pinned(origin, { resourceBuckets: ['input', 'input'] }))).toEqual([
      400,
      expect.stringContaining('name no other buckets'),
    ]);
    expect((await pinned(origin, { instanceCount: 4 })).status).toBe(400);
    expect(await submitTo(harness, { instanceCount: 1 })).toBeDefined();
    expect(messageOf(await post('/tasks', { ...minimal, fornax: { pinned: true } }))).toEqual([
      400,
      expect.stringContaining('made of another one'),
    ]);
    expect(asked).toEqual([]);
  });

  it('runs in the image that its origin ran in, by its digest, and in none where that cannot be told', async () => {
    const [image, other] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
    const constants = [
      { key: 'DOCKER_REPO', value: 'team/tool' },
      { key: 'DOCKER_TAG', value: 'v1' },
    ];
    const origin = await submitTo(harness, { instanceCount: 2, constants });
    const begun = { ...aRef(0), startedAt: 1, image: image ?? '' };
    await harness.happen(origin, dispatched(aLease(0), aLease(1)), {
      type: 'InstancesStarted',
      leases: [begun],
      at: 1,
    });
    await harness.happen(origin, concluded(anEnd(0, { image: image ?? '' })));
    expect((await read(origin)).fornax.images).toEqual([image]);
    const tagOf = (task: WireTask): unknown =>
      task.constants.filter(({ key }) => key.startsWith('DOCKER_')).map(({ key, value }) => `${key}=${value}`);
    const copy = await read(uuidOf(await pinned(origin)));
    expect(tagOf(copy)).toEqual(expect.arrayContaining(['DOCKER_REPO=team/tool', 'DOCKER_TAG=v1']));
    expect([copy.fornax.pinned, copy.fornax.images]).toEqual([true, [image]]);
    expect((await specOf(copy.uuid))?.pinnedImage).toBe(image);
    expect((await specOf(uuidOf(await post(`/tasks/${origin}/clone`))))?.pinnedImage).toBeUndefined();
    const another = { constants: [{ key: 'DOCKER_REPO', value: 'team/other' }] };
    expect(messageOf(await pinned(origin, another))).toEqual([400, expect.stringContaining('name no other one')]);
    await harness.happen(origin, concluded(anEnd(1, { image: other ?? '' })));
    expect((await read(origin)).fornax.images).toEqual([image, other]);
    expect(messageOf(await pinned(origin))).toEqual([400, expect.stringContaining('several images')]);
  });

  it('is any clone where there are no inputs, and takes no new ones while it runs', async () => {
    const bare = await submitTo(harness, { instanceCount: 1 });
    expect((await specOf(uuidOf(await pinned(bare))))?.pin).toBeUndefined();
    const copy = uuidOf(await pinned(await ended()));
    await harness.happen(copy, dispatched(aLease(0)), started(aRef(0)));
    expect(messageOf(await harness.call('PATCH', `/tasks/${copy}`))).toEqual([
      400,
      `Task ${copy} is pinned to the inputs of its origin`,
    ]);
  });
});

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
