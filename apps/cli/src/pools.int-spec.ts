import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const summary = {
  uuid: 'p',
  name: 'kitchen\u001b[2J',
  state: 'FullyExecuting',
  runningInstanceCount: 1,
  targetRunningInstanceCount: 2,
  queuedOrRunningTaskInstancesCount: 3,
  creationDate: '2026-01-02T03:04:05Z',
  shortname: 'p',
  profile: 'docker-batch',
  previousState: null,
  instanceCount: 1,
  stateTransitionTime: '2026-01-02T03:04:05Z',
  previousStateTransitionTime: '2026-01-02T03:04:05Z',
  lastModified: '2026-01-02T03:04:05Z',
  endDate: '0001-01-01T00:00:00Z',
  runningCoreCount: 1,
  executionTime: '00:00:00',
  wallTime: '00:00:00',
  taskDefaultWaitForPoolResourcesSynchronization: false,
};
const pool = {
  ...summary,
  errors: [],
  elasticProperty: {
    isElastic: false,
    minTotalSlots: 0,
    maxTotalSlots: 0,
    minIdleSlots: 0,
    resizePeriod: 90,
    rampResizeFactor: 0.4,
    minIdleTimeSeconds: 90,
  },
  scaling: null,
  preparationTask: null,
  constants: [
    { key: 'A', value: 'old' },
    { key: 'QARNOT_SECRET_B', value: '[SECRET]' },
  ],
  forcedConstants: [],
  constraints: [],
  secretsAccessRights: { bySecret: [], byPrefix: [] },
  tags: ['before'],
  labels: {},
  resourceBuckets: [],
  advancedResourceBuckets: [],
  status: null,
  totalSlotCapacity: 1,
  poolUsage: 0,
  hardwareConstraints: [],
  schedulingType: 'flex',
  targetedReservedMachineKey: null,
  targetedReservationName: null,
  autoDeleteOnCompletion: false,
  completionTimeToLive: '00:00:00',
  privileges: { exportApiAndStorageCredentialsInEnvironment: false },
  defaultRetrySettings: { maxTotalRetries: null, maxPerInstanceRetries: null },
  forcedNetworkRules: [],
  maxTimeQueueSeconds: null,
  projectUuid: null,
  defaultResourcesCacheTTLSec: 0,
};
const page = { data: [summary], token: '', nextToken: null, isTruncated: false, count: 1, total: 1 };

const platform = cannedPlatform({
  answers: {
    'POST /pools': [200, { uuid: 'p' }],
    'POST /tasks': [200, { uuid: 't' }],
    'POST /pools/summaries/paginate': [200, page],
    'PUT /pools/p/scaling': [200, ''],
    'GET /pools/p': [200, pool],
    'PUT /pools/p': [200, ''],
    'PATCH /pools/p': [200, ''],
    'POST /pools/p/clone': [200, { uuid: 'q' }],
    'POST /pools/p/close': [200, ''],
    'DELETE /pools/p': [200, ''],
    'GET /fornax/v1/pools/p/instances/1/stderr': [200, 'no flour\n'],
    'GET /fornax/v1/pools/p/stdout': [200, '0> stocked\n'],
  },
});
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-pools-'));
  await platform.start();
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true });
});
/** What was asked for, but for looking up which pool is meant. */
const changes = () => platform.asked.filter(({ what }) => what !== 'GET /pools/p');
beforeEach(() => {
  platform.asked.length = 0;
  platform.bodies.length = 0;
});
const fornax = (line: string) => platform.fornax(...line.split(' '));

describe('fornax pool', () => {
  it('creates pools of each kind of size', async () => {
    const created = await fornax(
      'pool create -n k --nodes 2 --slots-per-node 3 -c A=b --resource in -t x --prepare make',
    );
    expect([created.code, created.stdout]).toEqual([0, 'p\n']);
    expect(platform.bodies.pop()).toEqual({
      name: 'k',
      profile: 'docker-batch',
      instanceCount: 2,
      multiSlotsSettings: { slotsPerNode: 3 },
      preparationTask: { commandLine: 'make' },
      constants: [{ key: 'A', value: 'b' }],
      resourceBuckets: ['in'],
      tags: ['x'],
    });
    await fornax('pool create -n k --max 4 --min-idle 1');
    expect(platform.bodies.pop()).toMatchObject({
      elasticProperty: { isElastic: true, maxTotalSlots: 4, minIdleSlots: 1 },
    });
    const file = join(folder, 'scaling.json');
    await writeFile(file, '{"policies":[]}');
    await fornax(`pool create -n k --policies ${file}`);
    expect(platform.bodies.pop()).toMatchObject({ scaling: { policies: [] } });
  });

  it('asks for one size, and nothing else is sent', async () => {
    for (const line of ['', ' --nodes 1 --max 2', ' --min 1', ' --nodes 0', ' --policies /nowhere'])
      expect((await fornax(`pool create -n k${line}`)).code).not.toBe(0);
    expect((await fornax('pool scale p')).stderr).toContain('--slots, --max, --policies');
    expect(changes()).toEqual([]);
  });

  it('scales, closes and deletes, and says why', async () => {
    await fornax('pool scale p --slots 0');
    await fornax('pool scale p --max 3 --min 1 --idle-seconds 5');
    const enabledPeriods = [{ type: 'Always', name: 'always' }];
    const name = 'always';
    const size = { minTotalSlots: 1, maxTotalSlots: 3, minIdleTimeSeconds: 5 };
    expect(platform.bodies).toEqual([
      { policies: [{ type: 'Fixed', slotsCount: 0, name, enabledPeriods }] },
      { policies: [{ type: 'ManagedTasksQueue', ...size, name, enabledPeriods }] },
    ]);
    await fornax('pool close p --reason over');
    await fornax('pool delete p --reason over');
    const said = changes()
      .slice(2)
      .map(({ what, headers }) => [what, headers['fornax-reason']]);
    expect(said).toEqual([
      ['POST /pools/p/close', 'over'],
      ['DELETE /pools/p', 'over'],
    ]);
  });

  it('changes constants and tags, refreshes and clones', async () => {
    await fornax('pool update p -c A=new -c C=3 --reason tuned');
    expect(platform.bodies.pop()).toEqual({
      constants: [
        { key: 'A', value: 'new' },
        { key: 'QARNOT_SECRET_B', value: '[SECRET]' },
        { key: 'C', value: '3' },
      ],
    });
    await fornax('pool update p -t x -t y');
    expect(platform.bodies.pop()).toEqual({ tags: ['x', 'y'] });
    expect((await fornax('pool update p')).stderr).toContain('--constant, --tag');
    expect((await fornax('pool refresh p')).code).toBe(0);
    const cloned = await fornax('pool clone p -n copy --prepare make -c A=b --slots 0');
    expect([cloned.code, cloned.stdout]).toEqual([0, 'q\n']);
    expect(platform.bodies.pop()).toEqual({
      name: 'copy',
      preparationTask: { commandLine: 'make' },
      constants: [{ key: 'A', value: 'b' }],
      scaling: {
        policies: [
          { type: 'Fixed', slotsCount: 0, name: 'always', enabledPeriods: [{ type: 'Always', name: 'always' }] },
        ],
      },
    });
    await fornax('pool clone p');
    expect(platform.bodies.pop()).toEqual({});
    expect((await fornax('pool clone p --slots 1 --max 2')).code).toBe(2);
    expect(changes().map(({ what }) => what)).toEqual([
      'PUT /pools/p',
      'PUT /pools/p',
      'PATCH /pools/p',
      'POST /pools/p/clone',
      'POST /pools/p/clone',
    ]);
    expect(changes()[0]?.headers['fornax-reason']).toBe('tuned');
  });

  it('lists them, and shows what slots print', async () => {
    const { stdout } = await fornax('pool list');
    expect(stdout).toMatch(
      /^ID +NAME +STATE +READY +WANTED +INSTANCES +CREATED\np +kitchen\S* +FullyExecuting +1 +2 +3 /,
    );
    expect(stdout).not.toContain('\u001b');
    expect((await fornax('pool logs p')).stdout).toBe('0> stocked\n');
    expect((await fornax('pool logs p --stderr -i 1')).stdout).toBe('no flour\n');
  });

  it('is named by a task, which then runs what the pool runs', async () => {
    await fornax('task submit -n t --pool p --command true');
    expect(platform.bodies.pop()).toEqual({
      name: 't',
      poolUuid: 'p',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: 'true' }],
    });
  });
});
