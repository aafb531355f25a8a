import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anEnd, aLease, aRef, concluded, dispatched, started } from '@fornax/testing';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';
import { bytesOf, TailReader, type TailEvent } from './tail-reader.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const begin = async (instanceCount = 1): Promise<string> => {
  const uuid = await submitTo(harness, { instanceCount });
  const instances = Array.from({ length: instanceCount }, (_, n) => n);
  await harness.happen(uuid, dispatched(...instances.map((n) => aLease(n))), started(...instances.map((n) => aRef(n))));
  return uuid;
};
const open = (uuid: string, path = 'stdout/tail', lastEventId?: string): Promise<TailReader> =>
  TailReader.open(`${harness.test.url}/fornax/v1/tasks/${uuid}/${path}`, harness.token, lastEventId);
const isEnd = ({ type }: TailEvent): boolean => type === 'end';

describe('a tail', () => {
  it('gives what is there, then what comes, then the end', async () => {
    const uuid = await begin(2);
    await harness.print(uuid, 1, 'early\n');
    const tail = await open(uuid);
    expect((await tail.next()).data).toEqual({ instance: 1, attempt: 1, offset: 0, text: 'early\n' });
    await harness.print(uuid, 0, 'later\n');
    expect((await tail.next()).data).toEqual({ instance: 0, attempt: 1, offset: 0, text: 'later\n' });
    await harness.print(uuid, 1, 'last');
    expect((await tail.next()).data).toEqual({ instance: 1, attempt: 1, offset: 6, text: 'last' });
    await harness.happen(uuid, concluded(anEnd(0), anEnd(1)));
    expect(await tail.next()).toMatchObject({ type: 'end', data: { state: 'Success' } });
    await expect(tail.next()).rejects.toThrow('the tail has ended');
  });

  it('of an instance ends with it, and shows nobody else', async () => {
    const uuid = await begin(2);
    const tail = await open(uuid, 'instances/1/stderr/tail');
    await harness.print(uuid, 0, 'not mine\n', { stream: 'stderr' });
    await harness.print(uuid, 1, 'mine\n', { stream: 'stderr' });
    await harness.happen(uuid, concluded(anEnd(1)));
    const events = await tail.until(isEnd);
    expect(bytesOf(events).toString()).toBe('mine\n');
    tail.close();
  });

  it('goes on behind the last event that was read, without a gap and without a double, wherever it breaks off', async () => {
    const uuid = await begin(2);
    const whole = Buffer.from('déjà vu €uro 😀 ' + 'naïve '.repeat(5));
    for (let at = 0; at < whole.length; at += 3) {
      await harness.print(uuid, 0, whole.subarray(at, at + 3));
      await harness.print(uuid, 1, `${at} `);
    }
    await harness.print(uuid, 0, Buffer.from([0xe2, 0x82])); // never completed
    await harness.happen(uuid, concluded(anEnd(0), anEnd(1)));
    const all = await (await open(uuid)).until(isEnd);
    for (const [index, { id }] of all.entries()) {
      const rest = await (await open(uuid, 'stdout/tail', id)).until(isEnd);
      expect(rest).toEqual(index === all.length - 1 ? all.slice(-1) : all.slice(index + 1));
    }
    const ofZero = all.filter(({ data }) => data.instance === 0);
    expect(bytesOf(ofZero)).toEqual(Buffer.concat([whole, Buffer.from([0xe2, 0x82])]));
    expect(ofZero.slice(0, -1).every(({ data }) => data.text?.includes('\uFFFD') === false)).toBe(true);
  }, 60_000);

  it('survives a restart of the service', async () => {
    const uuid = await begin();
    const tail = await open(uuid);
    await harness.print(uuid, 0, 'before\n');
    const { id } = await tail.next();
    await harness.restart();
    await harness.print(uuid, 0, 'after\n');
    const again = await open(uuid, 'stdout/tail', id);
    expect((await again.next()).data.text).toBe('after\n');
    again.close();
  });

  it('says so when the position is gone, and begins again', async () => {
    const uuid = await begin();
    await harness.print(uuid, 0, 'x\n');
    for (const position of ['999999999', 'rubbish', '1~0.1.2']) {
      const tail = await open(uuid, 'stdout/tail', position);
      expect((await tail.next()).type).toBe('reset');
      expect((await tail.next()).data.text).toBe('x\n');
      tail.close();
    }
  });

  it('shows the attempt that prints now', async () => {
    const uuid = await begin();
    const tail = await open(uuid);
    await harness.print(uuid, 0, 'first\n');
    expect((await tail.next()).data).toMatchObject({ attempt: 1, text: 'first\n' });
    await harness.happen(
      uuid,
      { type: 'InstancesRequeued', attempts: [anEnd(0, { outcome: 'failure', cause: 'node-lost' })], at: 2_000 },
      dispatched(aLease(0, { attempt: 2 })),
    );
    await harness.print(uuid, 0, 'second\n', { attempt: 2 });
    expect((await tail.next()).data).toEqual({ instance: 0, attempt: 2, offset: 0, text: 'second\n' });
    tail.close();
  });

  it('ends when its task is deleted', async () => {
    const uuid = await submitTo(harness, { instanceCount: 1 });
    const tail = await open(uuid);
    await harness.call('DELETE', `/tasks/${uuid}`);
    expect(await tail.next()).toMatchObject({ type: 'end', data: { reason: 'deleted' } });
  });

  it('is the same for many readers, and moves nobody’s cursor', async () => {
    const uuid = await begin();
    const tails = await Promise.all(Array.from({ length: 10 }, () => open(uuid)));
    for (let n = 0; n < 20; n++) await harness.print(uuid, 0, `${n}\n`);
    await harness.happen(uuid, concluded(anEnd(0)));
    const seen = await Promise.all(tails.map((tail) => tail.until(isEnd)));
    const expected = Array.from({ length: 20 }, (_, n) => `${n}\n`).join('');
    expect(seen.map((events) => bytesOf(events).toString())).toEqual(Array.from({ length: 10 }, () => expected));
    expect((await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text).toBe(expected);
  });
});
