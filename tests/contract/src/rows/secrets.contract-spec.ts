import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { csharpStyle, everyStyle } from '../clients/styles.js';
import { aTask, read, submit, untilOver } from '../clients/tasks.js';

const data = (key: string): string => `/secrets-manager/data/${key}`;

describe.each(everyStyle)('secrets, asked by $style', (client) => {
  const root = randomUUID();

  it(`[row 78 ${client.style}] are created, read, changed and deleted, with 404 and 409`, async () => {
    const key = `${root}/database/password`;
    const body = (value: string) => ({ body: { Value: value } });
    expect((await client.send('GET', data(key))).status).toBe(404);
    expect((await client.send('PATCH', data(key), body('x'))).status).toBe(404);
    expect((await client.send('DELETE', data(key))).status).toBe(404);
    expect((await client.send('PUT', data(key), body('one'))).status).toBe(200);
    expect((await client.send('PUT', data(key), body('two'))).status).toBe(409);
    expect((await client.send('GET', data(key))).json()).toEqual({ value: 'one' });
    expect((await client.send('PATCH', data(key), body('{"json":true}'))).status).toBe(200);
    expect((await client.send('GET', data(key))).json()).toEqual({ value: '{"json":true}' });
    expect((await client.send('DELETE', data(key))).status).toBe(200);
    expect((await client.send('GET', data(key))).status).toBe(404);
  });

  it(`[row 79 ${client.style}] are listed a level at a time, with names that a client puts behind its prefix`, async () => {
    for (const name of ['list/a', 'list/b/c'])
      expect((await client.send('PUT', data(`${root}/${name}`), { body: { Value: 'v' } })).status).toBe(200);
    const below = async (prefix: string) => (await client.send('GET', `/secrets-manager/search/${prefix}`)).json();
    expect(await below(`${root}/list`)).toEqual({ keys: ['a', 'b/'] });
    expect(await below(`${root}/list/b`)).toEqual({ keys: ['c'] });
    expect(await below('')).toEqual({ keys: expect.arrayContaining([`${root}/`]) });
  });
});

describe.each(everyStyle)('rights to secrets, asked by $style', (client) => {
  it(`[row 80 ${client.style}] let the instances of a task read what they name, and are refused with their field`, async () => {
    const root = randomUUID();
    for (const name of ['one', 'some/two', 'none'])
      expect((await client.send('PUT', data(`${root}/${name}`), { body: { Value: name } })).status).toBe(200);
    const asked = {
      constants: [{ key: 'DOCKER_CMD', value: `sh -c "cd $QARNOT_SECRETS_DIR/${root} && grep -r . . | sort"` }],
      secretsAccessRights: { bySecret: [{ key: `${root}/one` }], byPrefix: [{ prefix: `${root}/some/` }] },
    };
    const id = await submit(client, aTask(asked));
    expect((await untilOver(client, id)).state).toBe('Success');
    expect((await client.send('POST', `/tasks/${id}/stdout`)).text).toContain('./one:one');
    expect((await read(client, id)).secretsAccessRights).toEqual(asked.secretsAccessRights);
    const refused = await client.send('POST', '/tasks', {
      body: client.creation(aTask({ secretsAccessRights: { bySecret: [{ key: 'a//b' }], byPrefix: [] } })),
    });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('bySecret[0].key');
  });
});

describe('secrets of the .NET client', () => {
  it('[row 78 csharp] hold the JSON of an object that it was given', async () => {
    const key = `${randomUUID()}/object`;
    const Value = JSON.stringify({ User: 'ada', Password: 'hush' });
    await csharpStyle.send('PUT', data(key), { body: { Value } });
    expect((await csharpStyle.send('GET', data(key))).json()).toEqual({ value: Value });
  });
});
