import { describe, expect, it } from '@jest/globals';
import { csharpStyle, everyStyle, pascal, styles, type TaskInput } from '../clients/styles.js';
import { aTask, read, submit, taskOf, unique, untilOver } from '../clients/tasks.js';

const secret: TaskInput = {
  constants: [
    { key: 'DOCKER_CMD', value: 'sh -c \'test "$QARNOT_SECRET_A" = hidden\'' },
    { key: 'QARNOT_SECRET_A', value: 'hidden' },
  ],
};

const KINDS = [
  { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 1 },
  { discriminator: 'MaximumCoreHardwareConstraint', coreCount: 512 },
  { discriminator: 'MinimumRamCoreRatioHardwareConstraint', minimumMemoryGBCoreRatio: 0.1 },
  { discriminator: 'MaximumRamCoreRatioHardwareConstraint', maximumMemoryGBCoreRatio: 4000.5 },
  { discriminator: 'MinimumRamHardwareConstraint', minimumMemoryMB: 64 },
  { discriminator: 'MaximumRamHardwareConstraint', maximumMemoryMB: 64_000_000 },
  { discriminator: 'SpecificHardwareConstraint', specificationKey: 'c-' },
  { discriminator: 'GpuHardwareConstraint' },
  { discriminator: 'NoGpuHardwareConstraint' },
  { discriminator: 'SSDHardwareConstraint' },
  { discriminator: 'NoSSDHardwareConstraint' },
  { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'some model' },
];

describe.each(everyStyle)('submitting, by $style', (client) => {
  it(`[row 6 ${client.style}] reads its own casing, nulls and defaults`, async () => {
    const task = aTask({ tags: null, labels: { MyKey: 'a', mykey: 'b' }, resultBucket: null });
    const noGuid = '00000000-0000-0000-0000-000000000000';
    const noise = { UnknownKey: { deep: [1] }, dependencies: { dependsOn: [] }, poolUuid: noGuid, jobUuid: '' };
    const id = await submit(client, { ...task, ...noise });
    const stored = await read(client, id);
    expect(stored).toMatchObject({ name: 'contract', labels: { MyKey: 'a', mykey: 'b' }, tags: [], poolUuid: null });
    const page = await client.send('POST', '/tasks/paginate', { body: client.page({ maximumResults: 1 }) });
    expect((page.json() as { count: number }).count).toBe(1);
  });

  it(`[rows 12,16 ${client.style}] answers with the uuid and the place, and the task is there at once`, async () => {
    const answer = await client.send('POST', '/tasks', { body: client.creation(aTask()) });
    const { uuid } = answer.json() as { uuid: string };
    expect(answer).toMatchObject({ status: 200, headers: { location: `/tasks/${uuid}` } });
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    expect(await read(client, uuid)).toMatchObject({
      uuid,
      shortname: uuid,
      name: 'contract',
      profile: 'docker-batch',
    });
    expect((await client.send('GET', '/tasks/11111111-1111-4111-8111-111111111111')).status).toBe(404);
  });

  it(`[row 14 ${client.style}] takes every field and gives it back`, async () => {
    const fields = {
      shortname: unique('all'),
      resultsBucketPrefix: 'out/',
      resultsWhitelist: String.raw`^.*\.txt$`,
      resultsBlacklist: 'secret',
      resultsCacheTTLSec: 60,
      snapshotWhitelist: 'a',
      snapshotBlacklist: 'b',
      snapshotBucketPrefix: 'snap/',
      uploadResultsOnCancellation: true,
      constraints: [{ key: 'K', value: 'V' }],
      tags: ['one', 'two words', 'ünï'],
      labels: { 'Free Key': 'free value' },
      autoDeleteOnCompletion: false,
      completionTimeToLive: '1.02:03:04',
      maxTimeQueueSeconds: 3600,
      waitForPoolResourcesSynchronization: true,
      defaultResourcesCacheTTLSec: 120,
      secretsAccessRights: { bySecret: [{ key: 'path/of/one' }], byPrefix: [{ prefix: 'below/' }] },
      retrySettings: { maxTotalRetries: 7, maxPerInstanceRetries: 2 },
    };
    const stored = await read(client, await submit(client, aTask(fields)));
    const { completionTimeToLive, ...rest } = fields;
    expect(stored).toMatchObject(rest);
    // The reader gives durations in seconds.
    expect([completionTimeToLive, stored.completionTimeToLive]).toEqual(['1.02:03:04', 93_784]);
    expect(stored.constants).toContainEqual({ key: 'DOCKER_CMD', value: 'echo hello from ${INSTANCE_ID}' });
  });

  it(`[row 15 ${client.style}] counts instances and ranges`, async () => {
    const counted = await read(client, await submit(client, aTask({ instanceCount: 3 })));
    expect(counted).toMatchObject({ instanceCount: 3, totalInstanceCount: 3, advancedRanges: null });
    const ranged = aTask({ instanceCount: client.style === 'node' ? undefined : 0, advancedRanges: '1-3,7,10-11' });
    const stored = await read(client, await submit(client, ranged));
    expect(stored).toMatchObject({ instanceCount: 0, totalInstanceCount: 6, advancedRanges: '1-3,7,10-11' });
    for (const advancedRanges of ['3-1', '1,1', '0-2,2-3', 'a', '-1', '1-']) {
      const refused = await client.send('POST', '/tasks', {
        body: client.creation(aTask({ instanceCount: 0, advancedRanges })),
      });
      expect([advancedRanges, refused.status]).toEqual([advancedRanges, 400]);
    }
  });

  it(`[row 77 ${client.style}] gives every hardware constraint back under its exact name`, async () => {
    for (const [at, constraint] of KINDS.entries()) {
      const id = await submit(client, aTask({ hardwareConstraints: [constraint] }));
      const answer = await client.send('GET', `/tasks/${id}`);
      expect([at, (answer.json() as { hardwareConstraints: unknown }).hardwareConstraints]).toEqual([at, [constraint]]);
      await client.send('DELETE', `/tasks/${id}`);
    }
    const many = KINDS.filter(({ discriminator }) => !/^(No|Gpu|SSD)/.test(discriminator));
    const id = await submit(client, aTask({ hardwareConstraints: many }));
    taskOf(await client.send('GET', `/tasks/${id}`));
    await client.send('DELETE', `/tasks/${id}`);
  });

  it(`[row 85 ${client.style}] gives the scheduling type back and checks reservations`, async () => {
    for (const [sent, shown] of [
      ['Flex', 'flex'],
      ['OnDemand', 'onDemand'],
      ['onDemand', 'onDemand'],
    ]) {
      const stored = await read(client, await submit(client, aTask({ schedulingType: sent })));
      expect([sent, stored.schedulingType]).toEqual([sent, shown]);
    }
    expect((await read(client, await submit(client, aTask()))).schedulingType).toBe('flex');
    for (const wrong of [
      { schedulingType: 'Flex', targetedReservedMachineKey: 'a' },
      { schedulingType: 'OnDemand', targetedReservationName: 'a' },
      { schedulingType: 'Sometimes' },
    ]) {
      const refused = await client.send('POST', '/tasks', { body: client.creation(aTask(wrong)) });
      expect([wrong, refused.status]).toEqual([wrong, 400]);
    }
  });
});

describe.each(styles('csharp', 'cli'))('a strict reader, $style', (client) => {
  it(`[rows 10,11 ${client.style}] reads a task at every stage of its life`, async () => {
    const id = await submit(client, aTask({ instanceCount: 2 }));
    const fresh = await read(client, id);
    // The sentinel stands for "no date".
    if (fresh.state === 'Submitted') expect(fresh.endDate.getUTCFullYear()).toBeLessThan(1900);
    const ended = await untilOver(client, id);
    expect(ended.endDate.getTime()).toBeGreaterThanOrEqual(ended.creationDate.getTime());
    expect(Math.abs(Date.now() - ended.creationDate.getTime())).toBeLessThan(600_000);
  });

  it(`[row 10 ${client.style}] has its durations and dates understood`, async () => {
    const spans = { '3.10:07:06': 295_626, '00:28:04': 1_684, '1.03:16:50.5000000': 98_210 };
    for (const [completionTimeToLive, seconds] of Object.entries(spans)) {
      const stored = await read(client, await submit(client, aTask({ completionTimeToLive })));
      expect([completionTimeToLive, stored.completionTimeToLive]).toEqual([completionTimeToLive, seconds]);
    }
    const refused = await client.send('POST', '/tasks', {
      body: client.creation(aTask({ completionTimeToLive: 'soon' })),
    });
    expect(refused.status).toBe(400);
  });

  it(`[row 17 ${client.style}] reaches a task and all below it by its shortname`, async () => {
    const shortname = unique('short');
    const uuid = await submit(client, aTask({ shortname }));
    const byName = `/tasks/${shortname}`;
    expect((await read(client, shortname)).uuid).toBe(uuid);
    await untilOver(client, shortname);
    expect((await client.send('GET', `${byName}/stdout`)).text).toContain('hello from 0');
    expect((await client.send('GET', `${byName}/stdout/0`)).text).toContain('hello from 0');
    expect((await client.send('POST', `${byName}/stderr`)).status).toBe(200);
    expect((await client.send('POST', `${byName}/abort`)).status).toBe(403);
    const body = client.creation(aTask({ shortname, tags: ['renamed'] }));
    expect((await client.send('PUT', byName, { body })).status).toBe(200);
    expect((await read(client, uuid)).tags).toEqual(['renamed']);
    expect((await client.send('DELETE', byName)).status).toBe(200);
    expect((await client.send('GET', byName)).status).toBe(404);
    expect((await client.send('DELETE', byName)).status).toBe(404);
  });
});

describe('what the C# client submits', () => {
  it('[row 13 csharp] submits several: an array in the same order, 200 when all succeed and 207 when not', async () => {
    const good = (name: string) => csharpStyle.creation(aTask({ name }));
    const all = await csharpStyle.send('POST', '/tasks', { body: [good('a'), good('b')] });
    expect(all.status).toBe(200);
    const results = all.json() as BulkResult[];
    expect(results).toHaveLength(2);
    const names = await Promise.all(results.map(async ({ uuid }) => (await read(csharpStyle, String(uuid))).name));
    expect(names).toEqual(['a', 'b']);

    const bad = csharpStyle.creation(aTask({ profile: 'no-such-profile' }));
    const noBucket = csharpStyle.creation(aTask({ resourceBuckets: ['no-such-bucket'] }));
    const mixed = await csharpStyle.send('POST', '/tasks', { body: [bad, good('c'), noBucket] });
    expect([mixed.status, mixed.statusText]).toEqual([207, 'Multi-Status']);
    expect(mixed.json()).toEqual([
      { statusCode: 400, uuid: null, message: expect.stringContaining('no-such-profile') },
      { statusCode: 200, uuid: expect.any(String), message: null },
      { statusCode: 404, uuid: null, message: 'No such bucket: no-such-bucket' },
    ]);
    const none = await csharpStyle.send('POST', '/tasks', { body: [bad, bad] });
    expect([none.status, (none.json() as BulkResult[]).length]).toEqual([207, 2]);
    expect((await csharpStyle.send('POST', '/tasks', { body: [] })).json()).toEqual([]);
  });
});

interface BulkResult {
  readonly statusCode: number;
  readonly uuid: string | null;
}

describe.each(styles('node', 'csharp'))('permissions in a creation, by $style', (client) => {
  it(`[row 83 ${client.style}] gives forced constants, network rules and privileges back`, async () => {
    const rule = { name: 'ssh', inbound: 'true', proto: 'tcp', port: '22', publicPort: '2222', description: 'a shell' };
    const forced = { constantName: 'DOCKER_TAG', forcedValue: '24.04', forceExportInEnvironment: true };
    const id = await submit(
      client,
      aTask({
        forcedConstants: [{ ...forced, access: 'ReadWrite' }],
        forcedNetworkRules: [rule],
        privileges: { exportApiAndStorageCredentialsInEnvironment: true },
      }),
    );
    const answer = (await client.send('GET', `/tasks/${id}`)).json();
    expect(answer).toMatchObject({
      forcedConstants: [{ ...forced, access: 'readWrite' }],
      forcedNetworkRules: [rule],
      privileges: { exportApiAndStorageCredentialsInEnvironment: true },
    });
  });
});

describe('an answer sent back', () => {
  const kinds: readonly (readonly [string, TaskInput])[] = [
    ['a plain one', { tags: ['kept'], labels: { Key: 'v', key: 'w' } }],
    ['one of ranges, with a secret', { ...secret, instanceCount: 0, advancedRanges: '1,4-5' }],
    [
      'one with every kind of setting',
      {
        completionTimeToLive: '01:00:00',
        retrySettings: { maxTotalRetries: 3, maxPerInstanceRetries: null },
        hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 1 }],
        secretsAccessRights: { bySecret: [{ key: 'a/b' }], byPrefix: [] },
        resultsWhitelist: '.*',
        schedulingType: 'OnDemand',
      },
    ],
  ];

  it.each(kinds)('[row 28 csharp] changes nothing when it comes back as PUT in PascalCase: %s', async (_, more) => {
    const id = await submit(csharpStyle, aTask(more));
    await untilOver(csharpStyle, id);
    const before = (await csharpStyle.send('GET', `/tasks/${id}`)).json() as Record<string, unknown>;
    expect((await csharpStyle.send('PUT', `/tasks/${id}`, { body: pascal(before) })).status).toBe(200);
    const after = (await csharpStyle.send('GET', `/tasks/${id}`)).json() as Record<string, unknown>;
    const still = ({ lastModified: _modified, status: _status, ...rest }: Record<string, unknown>): unknown => rest;
    expect(still(after)).toEqual(still(before));
  });
});
