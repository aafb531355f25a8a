import { describe, expect, it } from '@jest/globals';
import { exchange } from '../http/exchange.js';
import { platform } from '../platform.js';
import { aTask, command, read, run, submit, untilOver, untilRunning } from '../clients/tasks.js';
import { nodeStyle, styles } from '../clients/styles.js';

const HUGE =
  '{"name":"huge","profile":"docker-batch","instanceCount":1,"constants":[{"key":"N","value":12345678901234567890}]}';

/** Clients that nobody here wrote: a Go and a Rust one, and what public sample scripts send. */
describe.each(styles('go', 'rust'))('a client in $style', (client) => {
  it(`[rows 5,7,16 ${client.style}] says JSON with every request, also without a body`, async () => {
    const id = await submit(client, aTask());
    expect(await read(client, id)).toMatchObject({ uuid: id });
    for (const path of ['/tasks', '/tasks/summaries', '/profiles', '/pools', '/jobs', `/tasks/${id}/stdout/0`]) {
      expect({ path, status: (await client.send('GET', path)).status }).toEqual({ path, status: 200 });
    }
    expect(await untilOver(client, id)).toMatchObject({ state: 'Success' });
    expect((await client.send('DELETE', `/tasks/${id}`)).status).toBe(200);
  });

  it(`[row 91 ${client.style}] reads whole megabytes while a task runs, and full power after it`, async () => {
    const id = await submit(client, aTask(command("sh -c 'sleep 3600'")));
    const running = await untilRunning(client, id);
    expect(running.status).not.toBeNull();
    expect((await client.send('POST', `/tasks/${id}/abort`)).status).toBe(200);
    const over = await untilOver(client, id);
    expect(over.status?.runningInstancesInfo?.clusterPowerIndicator).toBe(1);
  });

  it(`[row 33 ${client.style}] decodes output as a JSON string`, async () => {
    const id = (await run(client, aTask(command(`printf 'a "quote"\\n\\303\\244\\n'`)))).uuid;
    for (const method of ['GET', 'POST']) {
      const answer = await client.send(method, `/tasks/${id}/stdout/0`);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.json()).toBe('a "quote"\nä\n');
    }
    expect((await client.send('POST', `/tasks/${id}/stdout/0`)).json()).toBe('');
  });
});

describe('what public sample scripts send', () => {
  it('[row 82 node] takes numbers, booleans and null as values of constants, tags and labels', async () => {
    const body = {
      ...aTask(),
      constants: [
        { key: 'DOCKER_CMD', value: `sh -c 'echo "$N/$X/$YES/$NONE/$INSTANCE_COUNT"'` },
        { key: 'N', value: 26 },
        { key: 'X', value: 0.5 },
        { key: 'YES', value: true },
        { key: 'NONE', value: null },
      ],
      instanceCount: '2',
      tags: ['a', 7, false],
      labels: { number: 3, nothing: null },
    };
    const over = await run(nodeStyle, body);
    expect(over).toMatchObject({ state: 'Success', instanceCount: 2, tags: ['a', '7', 'false'] });
    expect(over.labels).toEqual({ number: '3', nothing: '' });
    expect(over.constants.slice(1)).toEqual([
      { key: 'N', value: '26' },
      { key: 'X', value: '0.5' },
      { key: 'YES', value: 'true' },
      { key: 'NONE', value: '' },
    ]);
    expect((await nodeStyle.send('GET', `/tasks/${over.uuid}/stdout/1`)).text).toBe('26/0.5/true//2\n');
    const put = { constants: [{ key: 'N', value: 27 }], tags: [8] };
    expect((await nodeStyle.send('PUT', `/tasks/${over.uuid}`, { body: put })).status).toBe(200);
    expect(await read(nodeStyle, over.uuid)).toMatchObject({ constants: [{ key: 'N', value: '27' }], tags: ['8'] });
  });

  it('[row 9 node] refuses a number that it could not give back as it came', async () => {
    const answer = await nodeStyle.send('POST', '/tasks', { body: HUGE });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ errors: { 'constants[0].value': [expect.stringContaining('as text')] } });
  });

  it('[row 26 node] refuses dates that do not exist', async () => {
    for (const value of [
      '2026-02-30',
      '2025-02-29',
      '2026-04-31T00:00:00Z',
      '2026-13-01',
      '2026-00-10',
      '2026-01-00',
    ]) {
      const filter = nodeStyle.leaf('CreationDate', 'LessThan', value);
      const { status } = await nodeStyle.send('POST', '/tasks/search', { body: { filter } });
      expect({ value, status }).toEqual({ value, status: 400 });
    }
    const filter = nodeStyle.leaf('CreationDate', 'LessThan', '2024-02-29');
    expect((await nodeStyle.send('POST', '/tasks/search', { body: { filter } })).status).toBe(200);
  });

  it('[row 33 node] gives raw text to everybody who says what he accepts', async () => {
    const id = (await run(nodeStyle, aTask())).uuid;
    const answer = await exchange({
      method: 'GET',
      path: `/tasks/${id}/stdout/0`,
      headers: { authorization: platform.token, 'content-type': 'application/json', accept: '*/*' },
    });
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.text).toBe('hello from 0\n');
  });
});
