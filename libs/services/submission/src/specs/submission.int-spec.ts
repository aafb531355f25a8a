import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userInfoSchema, type WireTask } from '@fornax/contracts';
import { openedConstants } from './opened-constants.fixture.js';
import { minimal, readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const submit = (body?: object): Promise<string> => submitTo(harness, body);
const read = (id: string): Promise<WireTask> => readFrom(harness, id);

describe('service', () => {
  it('answers settings and versions without a token, and nothing else', async () => {
    const anonymous = (path: string) => harness.call('GET', path, undefined, { token: '' });
    expect((await anonymous('/settings')).json()).toEqual({ storage: 'http://127.0.0.1:9000' });
    expect((await anonymous('/versions')).json()).toEqual([{ version: 'v1', endOfLife: null }]);
    const refused = await anonymous('/info');
    const wrong = await harness.call('GET', '/info', undefined, { token: 'wrong' });
    expect(refused.status).toBe(401);
    expect(wrong.text).toBe(refused.text);
    expect(wrong.json()).toEqual({
      message: 'Bad authentication token',
      error: { message: 'Bad authentication token', code: 401 },
      data: {},
    });
    expect((await harness.call('GET', '/v1')).status).toBe(200);
  });

  it('gives the account without a null that clients cannot take', async () => {
    expect(userInfoSchema.parse((await harness.call('GET', '/info')).json())).toMatchObject({
      email: harness.email,
      defaultScheduling: 'Flex',
    });
  });

  it('describes itself as OpenAPI', async () => {
    const document = (await harness.call('GET', '/openapi.json')).json() as unknown as {
      paths: Record<string, Record<string, { requestBody?: unknown; responses?: unknown }>>;
    };
    expect(JSON.stringify(document.paths['/tasks']?.['post']?.requestBody)).toContain('advancedRanges');
    expect(JSON.stringify(document.paths['/tasks/{id}']?.['get']?.responses)).toContain('completedInstances');
  });

  it('lists and describes profiles', async () => {
    expect((await harness.call('GET', '/profiles')).json()).toContain('docker-batch');
    expect((await harness.call('GET', '/profiles/docker-batch')).json()).toMatchObject({
      name: 'docker-batch',
      constants: expect.any(Array),
    });
    expect(await harness.call('GET', '/profiles/nope')).toMatchObject({ status: 404 });
  });

  it('names every instance in the port forwards at once, and bounds the answer', async () => {
    const forwards = async (body: object) => {
      const uuid = String((await harness.call('POST', '/tasks', body)).json()['uuid']);
      return (await harness.call('GET', `/v1/network/tasks/${uuid}/port-forward`)).json();
    };
    expect(await forwards({ ...minimal, advancedRanges: '3,7-8' })).toEqual({ 3: {}, 7: {}, 8: {} });
    expect(Object.keys(await forwards({ ...minimal, instanceCount: 100_000 }))).toHaveLength(1_000);
  });
});

describe('submitting', () => {
  it('shows a task as soon as it is accepted, to a strict reader', async () => {
    const answer = await harness.call('POST', '/tasks', minimal);
    const uuid = String(answer.json()['uuid']);
    expect(answer.headers.get('location')).toBe(`/tasks/${uuid}`);
    expect(await read(uuid)).toMatchObject({
      uuid,
      shortname: uuid,
      state: 'Submitted',
      previousState: null,
      instanceCount: 4,
      totalInstanceCount: 4,
      status: null,
      endDate: '0001-01-01T00:00:00Z',
      errors: [],
      completedInstances: [],
      resultsCount: 0,
      constants: minimal.constants,
    });
  });

  it('writes one commit that says who asked, why and in which trace', async () => {
    const answer = await harness.call('POST', '/tasks', minimal, {
      headers: { 'x-correlation-id': 'c-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    });
    const [commit, ...more] = await harness.log.readAggregate('task', String(answer.json()['uuid']));
    expect(more).toEqual([]);
    expect(commit?.meta).toMatchObject({
      actor: expect.stringMatching(/^user:/),
      source: 'submission',
      correlationId: 'c-1',
    });
    expect(commit?.meta.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  });

  it('takes what the Python and the C# client send', async () => {
    const python = await submit({
      poolUuid: null,
      jobUuid: null,
      constraints: [],
      forcedConstants: [],
      labels: { MyKey: 'v' },
      dependencies: { dependsOn: [] },
      advancedResourceBuckets: [{ bucketName: 'input', filtering: {}, resourcesTransformation: {}, cacheTTLSec: null }],
      tags: ['t'],
      completionTimeToLive: '1.02:00:00',
      privileges: { exportApiAndStorageCredentialsInEnvironment: false },
      retrySettings: { maxTotalRetries: null, maxPerInstanceRetries: 2 },
      forcedNetworkRules: [],
      resultBucket: 'output',
      uploadResultsOnCancellation: null,
    });
    expect(await read(python)).toMatchObject({
      labels: { MyKey: 'v' },
      tags: ['t'],
      resourceBuckets: [],
      resultBucket: 'output',
      completionTimeToLive: '1.02:00:00',
      advancedResourceBuckets: [{ bucketName: 'input' }],
      retrySettings: { maxTotalRetries: null, maxPerInstanceRetries: 2 },
    });
    const answer = await harness.call('POST', '/tasks', {
      Name: 'cs',
      Profile: 'docker-batch',
      InstanceCount: 0,
      AdvancedRanges: '0-2, 7',
      Uuid: '00000000-0000-0000-0000-000000000000',
      CreationDate: '0001-01-01T00:00:00',
      State: null,
      Errors: [],
      ResourceBuckets: ['input'],
      SchedulingType: 'OnDemand',
      HardwareConstraints: [{ Discriminator: 'MinimumCoreHardwareConstraint', CoreCount: 2 }],
    });
    expect(await read(String(answer.json()['uuid']))).toMatchObject({
      instanceCount: 0,
      totalInstanceCount: 4,
      advancedRanges: '0-2, 7',
      schedulingType: 'onDemand',
      resourceBuckets: ['input'],
      advancedResourceBuckets: [],
      hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 }],
    });
  });

  it('lists the profiles that the nodes can run, and no others', async () => {
    expect((await harness.call('GET', '/profiles')).json()).toEqual([
      'docker-batch',
      'docker-network',
      'docker-network-ssh',
      'docker-cluster',
      'docker-cluster-network',
      'docker-cluster-network-ssh',
      'shell',
    ]);
    expect((await harness.call('GET', '/profiles/docker-nvidia-batch')).status).toBe(404);
    const refused = await harness.call('POST', '/tasks', { ...minimal, profile: 'docker-nvidia-batch' });
    expect(refused.status).toBe(400);
    expect(refused.json()['errors']).toEqual({ profile: [expect.stringContaining('a graphics processor')] });
    const many = { ...minimal, profile: 'docker-cluster', instanceCount: 129 };
    const tooMany = await harness.call('POST', '/tasks', many);
    expect(tooMany.json()['errors']).toEqual({
      instanceCount: ['A task of docker-cluster has at most 128 instances.'],
    });
  });

  it.each([
    [[{ key: 'MAX_EXECUTION_SECONDS', value: 'soon' }], 'constants[0].value'],
    [[{ key: 'MAX_EXECUTION_SECONDS', value: '-1' }], 'constants[0].value'],
    [[{ key: 'INSTANCE_DISK_MB', value: 'much' }], 'constants[0].value'],
    [[{ key: 'INSTANCE_DISK_MB', value: '${MUCH}' }], 'constants[0].value'],
    [[{ key: 'INSTANCE_DISK_MB', value: '100001' }], 'constants[0].value'],
    [[{ key: 'SHELL_STOP_ON_ERROR', value: 'maybe' }], 'constants[0].value'],
    [[{ key: 'SNAPSHOT_SIGNAL', value: 'KILL' }], 'constants[0].value'],
    [[{ key: 'SNAPSHOT_READY_FILE', value: '../ready' }], 'constants[0].value'],
    [
      [
        { key: 'OWN', value: 'x' },
        { key: 'SHELL', value: '/bin/bash' },
      ],
      'constants[1].key',
    ],
  ])('refuses %j by field', async (constants, field) => {
    const refused = await harness.call('POST', '/tasks', { ...minimal, profile: 'shell', constants });
    expect(refused.status).toBe(400);
    expect(Object.keys(refused.json()['errors'] ?? {})).toEqual([field]);
  });

  it('lets an operator force what a task may not choose, and shows it as given', async () => {
    const forcedConstants = [
      { ConstantName: 'SHELL', ForcedValue: '/bin/bash', ForceExportInEnvironment: false, Access: 1 },
    ];
    const id = await submit({ profile: 'shell', constants: [{ key: 'SHELL', value: '/bin/dash' }], forcedConstants });
    expect(await read(id)).toMatchObject({
      constants: [{ key: 'SHELL', value: '/bin/dash' }],
      forcedConstants: [
        { constantName: 'SHELL', forcedValue: '/bin/bash', forceExportInEnvironment: false, access: 'readWrite' },
      ],
    });
    const wrong = [{ constantName: 'MAX_EXECUTION_SECONDS', forcedValue: 'x' }];
    const refused = await harness.call('POST', '/tasks', { ...minimal, profile: 'shell', forcedConstants: wrong });
    expect(Object.keys(refused.json()['errors'] ?? {})).toEqual(['forcedConstants[0].forcedValue']);
    const token = await harness.addAccount();
    const forbidden = await harness.call('POST', '/tasks', { ...minimal, forcedConstants: wrong }, { token });
    expect(forbidden.status).toBe(403);
  });

  it('gives every kind of hardware constraint back by its exact name, however it was written', async () => {
    const HardwareConstraints = [
      { Discriminator: 'minimumcorehardwareconstraint', CoreCount: 2, CpuModel: null },
      { Discriminator: 'MaximumCoreHardwareConstraint', CoreCount: 64 },
      { discriminator: 'MINIMUMRAMCORERATIOHARDWARECONSTRAINT', minimumMemoryGBCoreRatio: 1.5 },
      { Discriminator: 'MaximumRamCoreRatioHardwareConstraint', MaximumMemoryGBCoreRatio: 16 },
      { Discriminator: 'MinimumRamHardwareConstraint', MinimumMemoryMB: 1024 },
      { Discriminator: 'MaximumRamHardwareConstraint', MaximumMemoryMB: 999999 },
      { Discriminator: 'SpecificHardwareConstraint', SpecificationKey: '8c-32g' },
      { Discriminator: 'GpuHardwareConstraint', CoreCount: 0 },
      { Discriminator: 'NoGpuHardwareConstraint' },
      { Discriminator: 'SSDHardwareConstraint' },
      { Discriminator: 'nossdhardwareconstraint' },
      { Discriminator: 'CpuModelHardwareConstraint', CpuModel: 'AMD Ryzen' },
    ];
    const id = await submit({ HardwareConstraints });
    const task = await read(id);
    expect(task.hardwareConstraints).toEqual([
      { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 },
      { discriminator: 'MaximumCoreHardwareConstraint', coreCount: 64 },
      { discriminator: 'MinimumRamCoreRatioHardwareConstraint', minimumMemoryGBCoreRatio: 1.5 },
      { discriminator: 'MaximumRamCoreRatioHardwareConstraint', maximumMemoryGBCoreRatio: 16 },
      { discriminator: 'MinimumRamHardwareConstraint', minimumMemoryMB: 1024 },
      { discriminator: 'MaximumRamHardwareConstraint', maximumMemoryMB: 999999 },
      { discriminator: 'SpecificHardwareConstraint', specificationKey: '8c-32g' },
      { discriminator: 'GpuHardwareConstraint' },
      { discriminator: 'NoGpuHardwareConstraint' },
      { discriminator: 'SSDHardwareConstraint' },
      { discriminator: 'NoSSDHardwareConstraint' },
      { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'AMD Ryzen' },
    ]);
    // Two cores with 1.5 GB each: what is asked for at least is what an instance has.
    const [submitted] = await harness.log.readAggregate('task', id);
    expect(submitted?.events[0]).toMatchObject({ spec: { request: { cores: 2, memoryMB: 3_072 } } });
  });

  it('takes what instances ask of the disk of their node from a constraint or a constant, and keeps it for good', async () => {
    const hardwareConstraints = [{ Discriminator: 'minimumdiskhardwareconstraint', MinimumDiskMB: 500.5 }];
    const constants = [{ key: 'INSTANCE_DISK_MB', value: '20000' }];
    const id = await submit({ hardwareConstraints, constants });
    const exact = [{ discriminator: 'MinimumDiskHardwareConstraint', minimumDiskMB: 500.5 }];
    expect((await read(id)).hardwareConstraints).toEqual(exact);
    const [submitted] = await harness.log.readAggregate('task', id);
    expect(submitted?.events[0]).toMatchObject({ spec: { request: { diskMB: 20_000 }, hardwareConstraints: exact } });
    const changed = await harness.call('PUT', `/tasks/${id}`, { constants: [{ ...constants[0], value: '30000' }] });
    expect([changed.status, Object.keys(changed.json()['errors'] ?? {})]).toEqual([400, ['constants']]);
    const more = [...constants, { key: 'OWN', value: 'x' }];
    expect((await harness.call('PUT', `/tasks/${id}`, { constants: more })).status).toBe(200);
    const tooMuch = [{ discriminator: 'MinimumDiskHardwareConstraint', minimumDiskMB: 100_001 }];
    const refused = await harness.call('POST', '/tasks', { ...minimal, hardwareConstraints: tooMuch });
    expect(refused.json()['errors']).toEqual({
      'hardwareConstraints[0].minimumDiskMB': [
        'The constraint asks for 100001 MB of disk, and an instance may have at most 100000 MB here.',
      ],
    });
  });

  it('checks constants that are changed later as well', async () => {
    const id = await submit({ profile: 'shell' });
    const constants = [{ key: 'SHELL_STOP_ON_ERROR', value: 'often' }];
    const refused = await harness.call('PUT', `/tasks/${id}`, { constants });
    expect(refused.status).toBe(400);
    expect(Object.keys(refused.json()['errors'] ?? {})).toEqual(['constants[0].value']);
  });

  it('says that no token is handed to an instance', async () => {
    const id = await submit({ profile: 'shell', privileges: { exportApiAndStorageCredentialsInEnvironment: true } });
    const task = await read(id);
    expect(task.privileges).toEqual({ exportApiAndStorageCredentialsInEnvironment: true });
    expect(task.notes).toEqual([expect.stringContaining('token')]);
  });

  it('says what it gives back without acting on it', async () => {
    const asked = {
      secretsAccessRights: { bySecret: [{ key: 'a/b' }], byPrefix: [] },
      forcedNetworkRules: [{ inbound: false, proto: 'tcp', port: '80' }],
      schedulingType: 'reserved',
      targetedReservedMachineKey: '8c-32g',
    };
    const { notes } = await read(await submit({ profile: 'shell', ...asked }));
    expect(notes.map((note) => note.split(' ')[0])).toEqual(['A', 'targetedReservedMachineKey']);
    expect(notes[0]).toBe('A rule of forcedNetworkRules has no effect, number 1: it is not inbound.');
    const empty = { secretsAccessRights: { bySecret: [], byPrefix: [] }, forcedNetworkRules: [] };
    expect((await read(await submit({ profile: 'shell', ...empty }))).notes).toEqual([]);
  });

  it.each([
    ['Flex', 'flex'],
    ['onDemand', 'onDemand'],
    ['RESERVED', 'reserved'],
    [null, 'flex'],
  ])('takes the scheduling type %s and shows %s', async (given, shown) => {
    const targets =
      shown === 'reserved' ? { targetedReservedMachineKey: '8c-32g', targetedReservationName: 'mine' } : {};
    expect(await read(await submit({ schedulingType: given, ...targets }))).toMatchObject({
      schedulingType: shown,
      targetedReservedMachineKey: targets.targetedReservedMachineKey ?? null,
      targetedReservationName: targets.targetedReservationName ?? null,
    });
  });

  it('notes that docker-batch has no container engine here', async () => {
    expect((await read(await submit())).notes).toEqual([expect.stringContaining('Images are not run here')]);
  });

  it('keeps secrets out of the log and of every answer', async () => {
    const uuid = await submit({
      constants: [
        { key: 'QARNOT_SECRET_KEY', value: 'hunter2' },
        { key: 'A', value: 'b' },
      ],
    });
    const shown = await harness.call('GET', `/tasks/${uuid}`);
    expect(shown.text).not.toContain('hunter2');
    expect((await read(uuid)).constants).toEqual([
      { key: 'QARNOT_SECRET_KEY', value: '[SECRET]' },
      { key: 'A', value: 'b' },
    ]);
    expect(JSON.stringify(await harness.log.readAggregate('task', uuid))).not.toContain('hunter2');
    const whole = await read(uuid);
    await harness.call('PUT', `/tasks/${uuid}`, { ...whole, Tags: ['new'] });
    expect((await read(uuid)).tags).toEqual(['new']);
    expect(await openedConstants(harness, 'task', uuid)).toEqual({ QARNOT_SECRET_KEY: 'hunter2' });
    expect(JSON.stringify(await harness.log.readAggregate('task', uuid))).not.toContain('hunter2');
  });

  it('holds a shortname for one task of the account, until that is deleted', async () => {
    const first = await submit({ shortname: 'my-task' });
    expect((await read('my-task')).uuid).toBe(first);
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'my-task' })).toMatchObject({ status: 400 });
    const other = await harness.addAccount();
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'my-task' }, { token: other })).toMatchObject({
      status: 200,
    });
    await harness.call('DELETE', '/tasks/my-task');
    const second = await submit({ shortname: 'my-task' });
    expect(second).not.toBe(first);
  });

  it('answers a bulk item by item, in order, 207 when they differ', async () => {
    const good = await harness.call('POST', '/tasks', [minimal, minimal]);
    expect(good.status).toBe(200);
    const mixed = await harness.call('POST', '/tasks', [
      minimal,
      { ...minimal, instanceCount: 0 },
      { ...minimal, resourceBuckets: ['gone'] },
      minimal,
    ]);
    expect(mixed.status).toBe(207);
    expect(mixed.json()).toEqual([
      { statusCode: 200, uuid: expect.any(String), message: null },
      { statusCode: 400, uuid: null, message: expect.any(String) },
      { statusCode: 404, uuid: null, message: 'No such bucket: gone' },
      { statusCode: 200, uuid: expect.any(String), message: null },
    ]);
    const failed = await harness.call('POST', '/tasks', [{ name: 3 }, 'nonsense']);
    expect(failed.status).toBe(207);
    expect(failed.json()).toHaveLength(2);
  });

  it("says in the clients' words that there are too many tasks", async () => {
    const token = await harness.addAccount(2);
    for (let i = 0; i < 2; i++)
      expect(await harness.call('POST', '/tasks', minimal, { token })).toMatchObject({ status: 200 });
    const refused = await harness.call('POST', '/tasks', minimal, { token });
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('Maximum number of tasks reached') });
  });
});
