import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { csharpStyle, everyStyle } from '../clients/styles.js';

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

describe('secrets of the .NET client', () => {
  it('[row 78 csharp] hold the JSON of an object that it was given', async () => {
    const key = `${randomUUID()}/object`;
    const Value = JSON.stringify({ User: 'ada', Password: 'hush' });
    await csharpStyle.send('PUT', data(key), { body: { Value } });
    expect((await csharpStyle.send('GET', data(key))).json()).toEqual({ value: Value });
  });
});
