import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireTask } from '@fornax/contracts';
import { anEnd, aLease, aRef, concluded, dispatched, eventually, started } from '@fornax/testing';
import { accountIdOf } from '@fornax/people';
import { minimal, readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const submit = (body?: object): Promise<string> => submitTo(harness, body);
const read = (id: string): Promise<WireTask> => readFrom(harness, id);
const commits = async (): Promise<number> => (await harness.log.head()).sequence;

describe('output', () => {
  it('prefixes whole lines in order of arrival, gives instances bare, and each fresh byte once', async () => {
    const uuid = await submit({ instanceCount: 3 });
    await harness.happen(uuid, dispatched(aLease(0), aLease(1)), started(aRef(0), aRef(1)));
    const get = async (path: string) => (await harness.call('GET', `/tasks/${uuid}/${path}`)).text;
    const post = async (path: string) => (await harness.call('POST', `/tasks/${uuid}/${path}`)).text;
    expect([await get('stdout'), await get('stdout/2'), await post('stderr')]).toEqual(['', '', '']);
    await harness.print(uuid, 1, 'hello ');
    await harness.print(uuid, 0, 'zero\n');
    expect(await post('stdout')).toBe('0> zero\n');
    await harness.print(uuid, 1, 'world\nsecond\n');
    await harness.print(uuid, 0, 'oops\n', { stream: 'stderr' });
    expect(await get('stdout')).toBe('0> zero\n1> hello world\n1> second\n');
    expect(await post('stdout')).toBe('1> hello world\n1> second\n');
    expect(await post('stdout')).toBe('');
    expect(await get('stdout/1')).toBe('hello world\nsecond\n');
    expect([await post('stdout/1'), await post('stdout/1')]).toEqual(['hello world\nsecond\n', '']);
    expect(await get('stderr')).toBe('0> oops\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).headers.get('content-type')).toBe(
      'text/plain; charset=utf-8',
    );
    for (const bad of ['3', '-1', 'x', '99999999999'])
      expect(await harness.call('GET', `/tasks/${uuid}/stdout/${bad}`)).toMatchObject({ status: 404 });
  });

  it('gives fresh output again to a reader who lost the answer, under the key of its request', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    const path = `/tasks/${uuid}/stdout/0`;
    const post = async (key?: string) =>
      Buffer.from(
        await (
          await fetch(`${harness.test.url}${path}`, {
            method: 'POST',
            headers: { authorization: harness.token, ...(key === undefined ? {} : { 'idempotency-key': key }) },
          })
        ).arrayBuffer(),
      );
    const binary = Buffer.from([0, 255, 10, 195, 40, 10]);
    await harness.print(uuid, 0, binary);
    expect(await post('a')).toEqual(binary);
    await harness.print(uuid, 0, 'later\n');
    expect(await post('a')).toEqual(binary);
    expect((await post('b')).toString()).toBe('later\n');
    expect([await post('b'), await post()].map(String)).toEqual(['later\n', '']);
  });

  it('takes in what an earlier version left in the stream, whose subjects name no node', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'before\n', { subject: `fx.log.${uuid}.0.stdout` });
    await harness.print(uuid, 0, 'after\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('0> before\n0> after\n');
  });

  it("passes over what cannot be anybody's output", async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 2 ** 40, 'no instance\n');
    await harness.print('nul\0', 0, 'no task\n');
    await harness.print(uuid, 0, 'no attempt\n', { attempt: 1.5 });
    await harness.print(uuid, 0, 'output\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('0> output\n');
  });

  it('does not tear a character that two chunks share', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    const bytes = Buffer.from('déjà €\n');
    const cut = bytes.indexOf(Buffer.from('€')) + 1;
    await harness.print(uuid, 0, bytes.subarray(0, cut));
    const first = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    await harness.print(uuid, 0, bytes.subarray(cut));
    const second = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    expect([first, second]).toEqual(['déjà ', '€\n']);
  });

  it('shows only the latest attempt of an instance, and a last line without end once the instance is over', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'first try\n');
    await harness.happen(
      uuid,
      { type: 'InstancesRequeued', attempts: [anEnd(0, { outcome: 'failure', cause: 'node-lost' })], at: 2_000 },
      dispatched(aLease(0, { attempt: 2 })),
    );
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('');
    await harness.print(uuid, 0, 'second try', { attempt: 2 });
    await harness.print(uuid, 0, 'ghost\n', { attempt: 1 });
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('');
    await harness.happen(uuid, concluded(anEnd(0, { attempt: 2 })));
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> second try\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout/0`)).text).toBe('second try');
  });

  it('goes with its task', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)));
    await harness.print(uuid, 0, 'x\n');
    await harness.call('GET', `/tasks/${uuid}/stdout`);
    expect(await harness.query('SELECT 1 FROM output.log_chunk WHERE task_id = $1', [uuid])).toHaveLength(1);
    await harness.happen(uuid, concluded(anEnd(0)));
    await harness.call('DELETE', `/tasks/${uuid}`);
    expect(await harness.call('GET', `/tasks/${uuid}/stdout`)).toMatchObject({ status: 404 });
    await eventually(
      async () => (await harness.query('SELECT 1 FROM output.log_chunk WHERE task_id = $1', [uuid])).length === 0,
    );
  });

  it('takes a piece that a node repeats, or sends again with more behind it, only once', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'one\n', { offset: 0 });
    await harness.print(uuid, 0, 'one\n', { offset: 0 });
    await harness.print(uuid, 0, 'one\ntwo\n', { offset: 0 });
    expect((await harness.call('GET', `/tasks/${uuid}/stdout/0`)).text).toBe('one\ntwo\n');
    await harness.print(uuid, 0, 'four\n', { offset: 14 });
    const range = await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout`);
    expect([range.text, range.headers.get('fornax-next-offset')]).toEqual(['one\ntwo\n', '8']);
    const rest = await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout?offset=8`);
    expect([rest.text, rest.headers.get('fornax-offset')]).toEqual(['four\n', '14']);
  });

  it('gives binary bytes as they are, whole, fresh and in ranges', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    const bytes = Buffer.from(Array.from({ length: 700 }, (_, n) => (n * 37) % 256));
    await harness.print(uuid, 0, bytes.subarray(0, 300));
    await harness.print(uuid, 0, bytes.subarray(300));
    await harness.happen(uuid, concluded(anEnd(0)));
    const get = async (method: string, path: string): Promise<Buffer> => {
      const response = await fetch(`${harness.test.url}${path}`, { method, headers: { authorization: harness.token } });
      return Buffer.from(await response.arrayBuffer());
    };
    expect(await get('GET', `/tasks/${uuid}/stdout/0`)).toEqual(bytes);
    expect(await get('POST', `/tasks/${uuid}/stdout/0`)).toEqual(bytes);
    const part = await get('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout?offset=290&limit=20`);
    expect(part).toEqual(bytes.subarray(290, 310));
  });

  it('is not found for tasks of others, and for instances that a task does not have, in every form', async () => {
    const uuid = await submit({ instanceCount: 2 });
    const other = await harness.addAccount();
    for (const path of ['stdout', 'stdout/tail', 'instances/0/stderr', 'instances/0/stdout/tail']) {
      const url = `/fornax/v1/tasks/${uuid}/${path}`;
      expect((await harness.call('GET', url, undefined, { token: other })).status).toBe(404);
      expect((await harness.call('GET', url, undefined, { token: 'nobody' })).status).toBe(401);
    }
    for (const path of ['instances/2/stdout', 'instances/x/stdout', 'instances/2/stdout/tail'])
      expect((await harness.call('GET', `/fornax/v1/tasks/${uuid}/${path}`)).status).toBe(404);
    for (const query of ['offset=-1', 'offset=x', 'limit=1.5'])
      expect((await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout?${query}`)).status).toBe(400);
  });
});

describe('starting again', () => {
  it('changes no account, keeps the tasks, and neither loses nor doubles output', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)));
    await harness.print(uuid, 0, 'before\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> before\n');
    await harness.print(uuid, 0, 'between\n');
    const before = await commits();
    await harness.restart();
    expect(await commits()).toBe(before);
    await harness.print(uuid, 0, 'after\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> between\n0> after\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('0> before\n0> between\n0> after\n');
    expect((await read(uuid)).state).toBe('FullyDispatched');
  });

  it('is one service in two processes: one account, one status, output once', async () => {
    const twin = await harness.twin();
    const there = async (method: string, path: string, body?: object): Promise<string> => {
      const response = await fetch(`${twin.url}${path}`, {
        method,
        headers: { authorization: harness.token },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return response.text();
    };
    expect(
      (await harness.log.readAggregate('account', accountIdOf(harness.email))).flatMap(({ events }) =>
        events.map(({ type }) => type),
      ),
    ).toEqual(['AccountCreated', 'TokenIssued']);
    const uuid = await submit({ instanceCount: 1 });
    expect(await there('GET', `/tasks/${uuid}`)).toContain('"state":"Submitted"');
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    for (let n = 0; n < 20; n++) await harness.print(uuid, 0, `${n}\n`);
    const fresh = [
      (await harness.call('POST', `/tasks/${uuid}/stdout`)).text,
      await there('POST', `/tasks/${uuid}/stdout`),
    ].join('');
    expect(fresh).toBe(Array.from({ length: 20 }, (_, n) => `0> ${n}\n`).join(''));
    await there('POST', `/tasks/${uuid}/abort`);
    expect((await read(uuid)).state).toBe('PendingCancel');
    await twin.close();
  }, 60_000);

  it('notices that the log stream has lost what was stored, and misses nothing that is sent under its numbers', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'one\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> one\n');
    // As if the stream had held three messages more, and then others under the same numbers.
    await harness.query('UPDATE output.log_checkpoint SET sequence = sequence + 3');
    await harness.print(uuid, 0, 'two\n');
    await harness.restart();
    expect(await eventually(async () => (await harness.call('POST', `/tasks/${uuid}/stdout`)).text || undefined)).toBe(
      '0> two\n',
    );
    await harness.query('UPDATE output.log_checkpoint SET sent_ns = sent_ns - 1');
    await harness.restart();
    await harness.print(uuid, 0, 'three\n');
    expect(await eventually(async () => (await harness.call('POST', `/tasks/${uuid}/stdout`)).text || undefined)).toBe(
      '0> three\n',
    );
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('0> one\n0> two\n0> three\n');
  }, 60_000);

  it("goes on after a crash of the log's server, with tasks and with output", async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'one\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> one\n');
    await harness.crashNats();
    await eventually(async () => (await harness.call('POST', '/tasks', minimal)).status === 200);
    await harness.print(uuid, 0, 'two\n');
    expect(await eventually(async () => (await harness.call('POST', `/tasks/${uuid}/stdout`)).text || undefined)).toBe(
      '0> two\n',
    );
    await harness.call('POST', `/tasks/${uuid}/abort`);
    expect((await read(uuid)).state).toBe('PendingCancel');
  }, 60_000);
});
