import { eventually } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import { exchange } from '../http/exchange.js';
import { platform } from '../platform.js';
import { readCounters, readInfo, readUserQuotas } from '../clients/strict-reader.js';
import { csharpStyle, everyStyle, nodeStyle, styles } from '../clients/styles.js';
import { aTask, submit } from '../clients/tasks.js';

/** How each client gets at the text of an error (contract, section 1.7). */
const messageReaders = {
  node: (body: unknown) => {
    const { message, error } = body as { message?: string; error?: { message: string } };
    return message ?? error?.message;
  },
  csharp: (body: unknown) =>
    Object.entries(body as object).find(([key]) => key.toLowerCase() === 'message')?.[1] as string,
  cli: (body: unknown) => (body as { message?: string }).message,
};

describe.each(everyStyle)('the service, asked by $style', (client) => {
  it(`[row 1 ${client.style}] takes the raw token and refuses a wrong one in the form that each client reads`, async () => {
    expect((await client.send('GET', '/')).status).toBe(200);
    for (const token of ['', 'wrong', `${platform.token}x`]) {
      const refused = await client.send('GET', '/info', { token });
      expect([refused.status, refused.statusText]).toEqual([401, 'Unauthorized']);
      // Compact JSON: one client looks for this text.
      expect(refused.text).toContain('"error":{');
      expect(refused.json()).toEqual({
        message: 'Bad authentication token',
        error: { message: 'Bad authentication token', code: 401 },
        data: {},
      });
    }
  });

  it(`[row 3 ${client.style}] tells the account with every counter a number`, async () => {
    const body = (await client.send('GET', '/info')).json();
    const info = readInfo(body, 'info');
    readCounters(body, 'info');
    expect(info.email).toBe(platform.clientEnv['AWS_ACCESS_KEY_ID']);
    expect(info.computingQuotas.user.flex.maxInstances).toBeGreaterThan(0);
    expect(body).toMatchObject({ computingQuotas: { user: { flex: { runningCoreCount: expect.any(Number) } } } });
  });

  it(`[row 7 ${client.style}] takes POST and PATCH without a body as it sends them`, async () => {
    const id = await submit(client, aTask());
    const answers = [
      await client.send('POST', `/tasks/${id}/stdout`),
      await client.send('POST', '/tasks/paginate'),
      await client.send('POST', `/tasks/${id}/stderr/0`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    // Only its state may be wrong, never the missing body.
    expect([200, 400]).toContain((await client.send('PATCH', `/tasks/${id}`)).status);
  });

  it(`[row 8 ${client.style}] gives a message it can read for every kind of error`, async () => {
    const read = messageReaders[client.style];
    const missing = await client.send('GET', '/tasks/no-such-task');
    expect([missing.status, missing.statusText]).toEqual([404, 'Not Found']);
    expect(read(missing.json())).toBe('No such task: no-such-task');

    const invalid = await client.send('POST', '/tasks', { body: client.creation(aTask({ instanceCount: -1 })) });
    expect([invalid.status, invalid.statusText]).toEqual([400, 'Bad Request']);
    expect(invalid.headers['content-type']).toContain('application/problem+json');
    expect(invalid.json()).toMatchObject({
      title: 'One or more validation errors occurred.',
      status: 400,
      errors: { instanceCount: [expect.any(String)] },
    });
    expect(typeof read(invalid.json())).toBe('string');

    const noBucket = await client.send('POST', '/tasks', {
      body: client.creation(aTask({ resourceBuckets: ['no-such-bucket-anywhere'] })),
    });
    expect([noBucket.status, read(noBucket.json())]).toEqual([404, 'No such bucket: no-such-bucket-anywhere']);

    // Only a bucket may be missing with 404: other things that are missing are 400 (contract, 1.8).
    for (const wrong of [
      { profile: 'no-such-profile' },
      { poolUuid: '11111111-1111-4111-8111-111111111111', profile: null },
      { jobUuid: '11111111-1111-4111-8111-111111111111' },
    ]) {
      const refused = await client.send('POST', '/tasks', { body: client.creation(aTask(wrong)) });
      expect([wrong, refused.status]).toEqual([wrong, 400]);
    }
    const malformed = await client.send('POST', '/tasks', { body: '{"name":' });
    expect(malformed.status).toBe(400);
    expect(typeof read(malformed.json())).toBe('string');
    const large = await client.send('POST', '/tasks', { body: `{"name":"${'x'.repeat(1_100_000)}"}` });
    expect([large.status, large.statusText]).toEqual([413, 'Payload Too Large']);
    expect(typeof read(large.json())).toBe('string');
    const unknown = await client.send('GET', '/no/such/route');
    expect(unknown.status).toBe(404);
    expect(typeof read(unknown.json())).toBe('string');
    const method = await client.send('DELETE', '/settings');
    expect(method.status).toBe(405);
    expect(typeof read(method.json())).toBe('string');
  });

  it(`[row 9 ${client.style}] never answers with what makes clients try again`, async () => {
    const bad: readonly (readonly [string, string, unknown])[] = [
      ['POST', '/tasks', [1, 'two', null, []]],
      ['POST', '/tasks', { name: { deep: [] }, instanceCount: 1e308 }],
      ['POST', '/tasks', 'null'],
      ['POST', '/tasks/paginate', { token: 'not a token' }],
      ['POST', '/tasks/paginate', { maximumResults: -5, orderBy: 'nothing', orderType: 'sideways' }],
      ['POST', '/tasks/paginate', { filter: { operator: 'Equal', field: '', value: null } }],
      ['POST', '/tasks/search', { filter: { operator: 'Equal', field: 'NoSuchField', value: 1 } }],
      ['POST', '/tasks/search', { filter: { operator: 'Like', field: 'Name', value: '(((((' } }],
      ['POST', '/tasks/search', { filter: { operator: 'And', filters: [{ operator: 'In', field: 'Name' }] } }],
      ['GET', '/tasks/%00', undefined],
      ['GET', '/tasks/%F0%9F', undefined],
      ['GET', `/tasks/${'x'.repeat(900)}`, undefined],
      ['GET', `/tasks/${'x'.repeat(9_000)}`, undefined],
      ['GET', '/hardware-constraints?limit=-1&offset=abc', undefined],
      ['POST', '/tasks/none/snapshot/periodic', { interval: -1 }],
      ['PUT', '/tasks/none', { tags: 7 }],
      ['DELETE', '/tasks/none', undefined],
      ['POST', '/tasks/none/abort', undefined],
    ];
    for (const [method, path, body] of bad) {
      const { status, text } = await client.send(method, path, body === undefined ? {} : { body });
      expect({ path, status, text, isFinal: status < 500 && status !== 429 && status !== 408 }).toMatchObject({
        isFinal: true,
      });
    }
  });

  it(`[row 75 ${client.style}] pages through hardware constraints as this client does`, async () => {
    const query = { node: 'offset=0&limit=50', csharp: 'Limit=1&Offset=0', cli: 'Limit=1&Offset=0' }[client.style];
    // There are some from when the node is known on.
    const page = await eventually(async () => {
      const first = (await client.send('GET', `/hardware-constraints?${query}`)).json() as Page;
      return first.total > 0 && first;
    });
    const seen = [...page.data];
    for (let offset = page.offset + page.limit; page.total > offset;) {
      const next = (await client.send('GET', `/hardware-constraints?Limit=1&Offset=${offset}`)).json() as Page;
      expect(next.data).toHaveLength(Math.min(next.total - offset, next.limit));
      seen.push(...next.data);
      offset = next.offset + next.limit;
    }
    expect(seen).toHaveLength(page.total);
    expect(seen.every(({ discriminator }) => discriminator.endsWith('HardwareConstraint'))).toBe(true);
  });

  it(`[row 109 ${client.style}] answers the same request many times at once`, async () => {
    const asked = Array.from({ length: 10 }, () => client.send('GET', '/profiles/docker-batch'));
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const ids = await Promise.all(Array.from({ length: 10 }, () => submit(client, aTask())));
    expect(new Set(ids).size).toBe(10);
    const deleted = await Promise.all(ids.map((id) => client.send('DELETE', `/tasks/${id}`)));
    expect(deleted.map(({ status }) => status)).toEqual(ids.map(() => 200));
  });
});

interface Page {
  readonly data: readonly { readonly discriminator: string; readonly cpuModel?: string }[];
  readonly offset: number;
  readonly limit: number;
  readonly total: number;
}

describe.each(styles('csharp', 'cli'))('settings, asked by $style', (client) => {
  it(`[row 2 ${client.style}] tells the storage without a token`, async () => {
    const answer = await exchange({ method: 'GET', path: '/settings' });
    expect([answer.status, answer.json()]).toEqual([200, { storage: platform.storageUrl }]);
    expect((await client.send('GET', '/settings')).json()).toEqual({ storage: platform.storageUrl });
    expect((await exchange({ method: 'GET', path: '/versions' })).json()).toEqual([{ version: 'v1', endOfLife: null }]);
  });
});

describe('what the C# client asks of the service', () => {
  it('[row 4 csharp] reads the quotas of the user, and learns that there is no organisation by 404', async () => {
    const quotas = readUserQuotas((await csharpStyle.send('GET', '/quotas/computing-quotas/user')).json(), 'quotas');
    expect(quotas.flex.maxCores).toBeGreaterThan(0);
    const organisation = await csharpStyle.send('GET', '/quotas/computing-quotas/organization');
    expect(organisation.status).toBe(404);
  });

  it('[row 76 csharp] finds CPU models by a part of their name', async () => {
    const all = (await csharpStyle.send('GET', '/hardware-constraints?Limit=50&Offset=0')).json() as Page;
    const model = all.data.find(({ discriminator }) => discriminator === 'CpuModelHardwareConstraint')?.cpuModel ?? '';
    const part = model.slice(0, 5).toUpperCase();
    const path = `/hardware-constraints/cpu-model-constraints/search`;
    const found = (await csharpStyle.send('GET', `${path}?cpuModel=${encodeURIComponent(part)}`)).json();
    expect(found).toContainEqual({ discriminator: 'CpuModelHardwareConstraint', cpuModel: model });
    expect((await csharpStyle.send('GET', `${path}?cpuModel=no-such-model`)).status).toBe(404);
    expect((await csharpStyle.send('GET', path)).status).toBe(400);
  });
});

describe.each(styles('node', 'csharp'))('profiles, asked by $style', (client) => {
  it(`[row 74 ${client.style}] lists names, describes one, and does not know others`, async () => {
    const names = (await client.send('GET', '/profiles')).json() as string[];
    expect(names).toContain('docker-batch');
    for (const name of names) {
      const profile = (await client.send('GET', `/profiles/${name}`)).json() as Profile;
      expect(profile.name).toBe(name);
      for (const constant of profile.constants) expect(Object.values(constant)).not.toContain(null);
    }
    const batch = (await client.send('GET', '/profiles/docker-batch')).json() as Profile;
    const defaults = Object.fromEntries(batch.constants.map(({ name, value }) => [name, value]));
    expect(defaults).toMatchObject({
      DOCKER_REPO: 'library/ubuntu',
      DOCKER_TAG: 'latest',
      RESOURCES_PATH: '/job',
      DOCKER_SHUTDOWN_CMD: '/bin/true',
    });
    expect((await client.send('GET', '/profiles/none')).status).toBe(404);
  });
});

interface Profile {
  readonly name: string;
  readonly constants: readonly { readonly name: string; readonly value: string; readonly description: string }[];
}

describe('paths as clients write them', () => {
  it.each(['/info', '/v1/info', '//info', '/v1//info', '/info/', '/INFO', '/V1/Info/', '///v1///info///'])(
    '[row 5 any] knows %s',
    async (path) => {
      expect(await nodeStyle.send('GET', path)).toMatchObject({ status: 200 });
    },
  );

  it('[row 5 any] knows the probe under both prefixes, and query keys in any case', async () => {
    for (const path of ['/', '/v1', '/v1/']) expect((await nodeStyle.send('GET', path)).status).toBe(200);
    expect((await nodeStyle.send('GET', '/v1', { token: 'wrong' })).status).toBe(401);
    const pages = await Promise.all(
      ['limit=1', 'Limit=1', 'LIMIT=1'].map((query) => nodeStyle.send('GET', `/hardware-constraints?${query}`)),
    );
    expect(new Set(pages.map(({ text }) => text)).size).toBe(1);
  });

  it('[row 5 any] answers HEAD like GET without the body, and OPTIONS with what there is', async () => {
    const head = await nodeStyle.send('HEAD', '/info');
    expect([head.status, head.text, Number(head.headers['content-length']) > 0]).toEqual([200, '', true]);
    const options = await nodeStyle.send('OPTIONS', '/v1/info/');
    expect([options.status, options.headers.allow]).toEqual([204, 'GET, HEAD']);
  });

  it.each(['application/json', 'text/json', 'application/json-patch+json', 'application/vnd.x+json', 'text/plain'])(
    '[row 7 any] reads a body that is called %s, and an empty one',
    async (type) => {
      const headers = { 'content-type': type };
      expect((await nodeStyle.send('POST', '/tasks/paginate', { body: {}, headers })).status).toBe(200);
      expect((await nodeStyle.send('POST', '/tasks/paginate', { headers })).status).toBe(200);
      expect((await nodeStyle.send('GET', '/info', { headers })).status).toBe(200);
    },
  );
});

describe('a scaling of pools, asked by node', () => {
  const always = { type: 'Always', name: 'always' };
  const managed = {
    type: 'ManagedTasksQueue',
    minTotalSlots: 0,
    maxTotalSlots: 4,
    name: 'day',
    enabledPeriods: [always],
  };
  const check = (policies: readonly object[]) =>
    nodeStyle.send('POST', '/sanity-checks/pools/scaling', { body: { policies } });

  it('[row 59 node] is checked: nothing when it is right, a key for each policy that is wrong', async () => {
    const night = { type: 'Weekly', days: ['monday', 2], startTimeUtc: '22:00:00.0000000', endTimeUtc: '06:00' };
    const right = await check([managed, { type: 'Fixed', slotsCount: 1, name: 'night', enabledPeriods: [night] }]);
    expect([right.status, right.text]).toEqual([200, '']);

    const odd = { ...managed, enabledPeriods: [{ type: 'Yearly', name: 'odd' }] };
    const wrong = await check([{ ...odd, type: 'Guess' }, managed, odd, { ...managed, minTotalSlots: 5 }]);
    expect([wrong.status, wrong.statusText]).toEqual([400, 'Bad Request']);
    const text = ['The input was not valid.'];
    expect((wrong.json() as { errors: unknown }).errors).toEqual({
      'policies[0]': text,
      'policies[2]': text,
      'policies[3]': text,
    });
  });
});
