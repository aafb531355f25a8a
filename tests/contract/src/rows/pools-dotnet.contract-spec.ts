import { describe, expect, it } from '@jest/globals';
import { poolSchema, type WirePool } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { pascal, styles, type StyledClient } from '../clients/styles.js';
import { command, submit, unique, untilOver } from '../clients/tasks.js';

const NO_DATE = '0001-01-01T00:00:00';

/** The whole DTO of the C# client, answers' fields and all (contract, sections 3.4 and 3.5). */
const DOTNET_POOL = {
  Errors: [],
  State: null,
  PreviousState: null,
  StateTransitionTime: NO_DATE,
  PreviousStateTransitionTime: NO_DATE,
  LastModified: NO_DATE,
  CreationDate: NO_DATE,
  EndDate: NO_DATE,
  Uuid: '00000000-0000-0000-0000-000000000000',
  Name: null,
  Shortname: null,
  Profile: null,
  InstanceCount: 0,
  RunningInstanceCount: 0,
  RunningCoreCount: 0,
  QueuedOrRunningTaskInstancesCount: 0,
  TotalSlotCapacity: 0,
  PoolUsage: 0,
  ExecutionTime: null,
  WallTime: null,
  Constants: [],
  ForcedConstants: [],
  Constraints: [],
  HardwareConstraints: [],
  SecretsAccessRights: { BySecret: [], ByPrefix: [] },
  Tags: null,
  Labels: {},
  ResourceBuckets: [],
  AdvancedResourceBuckets: [],
  PreparationTask: null,
  ElasticProperty: {
    IsElastic: false,
    MinTotalSlots: 0,
    MaxTotalSlots: 0,
    MinIdleSlots: 0,
    ResizePeriod: 90,
    RampResizeFactor: 0.4,
    MinIdleTimeSeconds: 90,
  },
  Scaling: null,
  Status: null,
  AutoDeleteOnCompletion: false,
  CompletionTimeToLive: '00:00:00',
  TaskDefaultWaitForPoolResourcesSynchronization: null,
  MaxTimeQueueSeconds: null,
  DefaultResourcesCacheTTLSec: null,
  SchedulingType: null,
  TargetedReservedMachineKey: null,
  TargetedReservationName: null,
  Privileges: { ExportApiAndStorageCredentialsInEnvironment: false },
  DefaultRetrySettings: { MaxTotalRetries: null, MaxPerInstanceRetries: null },
  MultiSlotsSettings: null,
  ForcedNetworkRules: [],
  ProjectUuid: null,
};
const REST = { type: 'Fixed', slotsCount: 0, name: 'rest', enabledPeriods: [{ type: 'Always', name: 'always' }] };
const LUNCH = { type: 'Weekly', days: [0, 6], startTimeUtc: '12:00:00', endTimeUtc: '13:00:00', name: 'lunch' };
const MANAGED = { type: 'ManagedTasksQueue', minTotalSlots: 0, maxTotalSlots: 1, name: 'm', enabledPeriods: [LUNCH] };

const dto = (pool: object): object => ({ ...DOTNET_POOL, ...(pascal(pool) as object) });
const make = async (client: StyledClient, pool: object): Promise<string> => {
  const body = dto({ name: unique('pool'), profile: 'docker-batch', ...pool });
  const answer = await client.send('POST', '/pools', { body });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return (answer.json() as { readonly uuid: string }).uuid;
};
const get = async (client: StyledClient, path: string): Promise<WirePool> => {
  const answer = await client.send('GET', path);
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return poolSchema.parse(answer.json());
};
const uuidsIn = (list: unknown): readonly string[] => (list as { uuid: string }[]).map(({ uuid }) => uuid);

describe.each(styles('csharp', 'cli'))('pools, seen by $style', (client) => {
  it(`[rows 47,48,55,56,60 ${client.style}] open, run tasks, tell what they print, close and go`, async () => {
    const shortname = unique('pool');
    const id = await make(client, {
      instanceCount: 1,
      shortname,
      preparationTask: { commandLine: "sh -c 'echo here; echo there >&2'" },
    });
    expect((await get(client, `/pools/${shortname}`)).uuid).toBe(id);
    await eventually(async () => (await get(client, `/pool/${id}`)).state === 'FullyExecuting', { timeoutMs: 60_000 });
    expect((await client.send('GET', `/pools/${id}/stdout`)).text).toBe('0> here\n');
    expect((await client.send('GET', `/pool/${id}/stderr/0`)).text).toBe('there\n');
    expect((await client.send('POST', `/pool/${id}/stdout/0`)).text).toBe('here\n');
    const task = { name: 'in a pool', poolUuid: id, instanceCount: 1, ...command('true') };
    expect((await untilOver(client, await submit(client, task))).state).toBe('Success');
    expect((await client.send('POST', `/pools/${id}/close`)).status).toBe(200);
    expect((await get(client, `/pools/${id}`)).state).toBe('Closing');
    expect((await client.send('DELETE', `/pools/${id}`)).status).toBe(200);
    await eventually(async () => (await client.send('GET', `/pools/${id}`)).status === 404);
  }, 120_000);

  it(`[rows 50,51,52,53,58 ${client.style}] are changed as whole DTOs, scaled, paged and searched`, async () => {
    const tag = unique('tag');
    const id = await make(client, { scaling: { policies: [REST] }, tags: ['before'], instanceCount: 0 });
    expect((await client.send('PUT', `/pools/${id}`, { body: dto({ name: 'x', tags: [tag] }) })).status).toBe(200);
    expect(await get(client, `/pools/${id}`)).toMatchObject({ tags: [tag], scaling: { activePolicyName: 'rest' } });
    const scaling = { policies: [REST, MANAGED] };
    expect((await client.send('PUT', `/pools/${id}/scaling`, { body: scaling })).status).toBe(200);
    // Days come as numbers and are shown by their names (contract, section 3.10).
    const named = { ...MANAGED, enabledPeriods: [{ ...LUNCH, days: ['sunday', 'saturday'] }] };
    expect((await get(client, `/pools/${id}`)).scaling?.policies).toEqual([REST, named]);
    const filter = client.leaf('Tags', 'Equal', tag);
    for (const path of ['/pools/paginate', '/pools/summaries/paginate']) {
      const page = await client.send('POST', path, { body: client.page({ filter, maximumResults: 1 }) });
      expect(uuidsIn((page.json() as { data: unknown }).data)).toEqual([id]);
    }
    const found = await client.send('POST', '/pools/search', { body: { Filter: filter, MaximumResults: null } });
    expect(uuidsIn(found.json())).toEqual([id]);
    expect((await client.send('DELETE', `/pools/${id}`)).status).toBe(200);
  }, 120_000);

  it(`[rows 54,61,62,63,64 ${client.style}] follow the demand, several slots on a node, with new resources for all`, async () => {
    const bucket = unique('bucket');
    await s3.createBucket(bucket);
    await s3.putObject(bucket, 'data.txt', Buffer.from('old'));
    const managed = { ...MANAGED, maxTotalSlots: 2, minIdleSlots: 1, scalingFactor: 1, name: 'work' };
    const id = await make(client, {
      scaling: { policies: [{ ...managed, enabledPeriods: REST.enabledPeriods }] },
      resourceBuckets: [bucket],
      preparationTask: { commandLine: 'test -f data.txt' },
      multiSlotsSettings: { slotsPerNode: 2 },
      taskDefaultWaitForPoolResourcesSynchronization: true,
    });
    const opened = await eventually(
      async () => {
        const pool = await get(client, `/pools/${id}`);
        return pool.totalSlotCapacity === 2 && pool.runningInstanceCount === 1 ? pool : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(opened.scaling?.activePolicyName).toBe('work');
    await s3.putObject(bucket, 'data.txt', Buffer.from('new'));
    expect((await client.send('PATCH', `/pools/${id}`)).status).toBe(200);
    const task = { name: 'in a pool', poolUuid: id, instanceCount: 2, ...command('cat data.txt') };
    const over = await untilOver(client, await submit(client, task));
    expect([over.state, over.completedInstances.length]).toEqual(['Success', 2]);
    for (const instance of [0, 1])
      expect((await client.send('GET', `/tasks/${over.uuid}/stdout/${instance}`)).text).toBe('new');
    expect((await client.send('DELETE', `/pools/${id}`)).status).toBe(200);
  }, 120_000);
});
