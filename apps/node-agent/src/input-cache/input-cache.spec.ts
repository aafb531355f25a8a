import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startTelemetry } from '@fornax/base/telemetry';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { InputCache } from './input-cache.js';

let folder: string;
let now: number;
const errors: unknown[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-cache-'));
  now = 1_000_000;
  errors.length = 0;
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  expect(errors).toEqual([]);
});

const open = (mostBytes = 1_000_000): Promise<InputCache> =>
  InputCache.open({ folder, mostBytes, onError: (error) => errors.push(error), now: () => now });

/** A request, and how often it was fetched. */
const wanting = (text: string, { name = text, ttlMs = 60_000, isExecutable = false } = {}) => {
  const wanted = {
    name: ['ada', 'in', name],
    sizeBytes: text.length,
    ttlMs,
    fetched: 0,
    fetch: async (file: string) => {
      wanted.fetched += 1;
      await writeFile(file, text, { flag: 'wx', mode: 0o444 });
      return { sha256: createHash('sha256').update(text).digest('hex'), sizeBytes: text.length, isExecutable };
    },
  };
  return wanted;
};
const contents = (): Promise<string[]> => readdir(join(folder, 'content'));

describe('the cache of inputs', () => {
  it('fetches what many want at once a single time, and has it for those who come later', async () => {
    const cache = await open();
    const wanted = wanting('hello');
    const files = await Promise.all(Array.from({ length: 20 }, () => cache.bring(wanted)));
    expect(await cache.bring(wanted)).toEqual(files[0]);
    expect(wanted.fetched).toBe(1);
    expect(await readFile(files[7]?.file ?? '', 'utf8')).toBe('hello');
    expect((await stat(files[0]?.file ?? '')).mode & 0o777).toBe(0o444);
  });

  it('lets somebody who is cancelled go at once, who waits for what another one fetches', async () => {
    const cache = await open();
    const arrived = Promise.withResolvers<void>();
    const slow = wanting('slow');
    const fetching = cache.bring({
      ...slow,
      fetch: async (file) => {
        await arrived.promise;
        return slow.fetch(file);
      },
    });
    const abort = new AbortController();
    const waiting = cache.bring({ ...slow, signal: abort.signal });
    abort.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    await expect(cache.bring({ ...slow, signal: abort.signal })).rejects.toThrow('cancelled');
    arrived.resolve();
    expect((await fetching)?.sizeBytes).toBe(4);
    expect(slow.fetched).toBe(1);
  });

  it('goes on when its folder was removed under it', async () => {
    const cache = await open();
    const wanted = wanting('hello');
    await cache.bring(wanted);
    await rm(folder, { recursive: true });
    const file = await cache.bring(wanted);
    expect(await readFile(file?.file ?? '', 'utf8')).toBe('hello');
    // The second one found no folder to write to.
    expect(wanted.fetched).toBe(3);
    await cache.close();
    expect(await (await open()).bring(wanted)).toEqual(file);
    expect(wanted.fetched).toBe(3);
  });

  it('fetches again what somebody has written to meanwhile', async () => {
    const cache = await open();
    const wanted = wanting('hello');
    const { file } = (await cache.bring(wanted)) ?? { file: '' };
    await chmod(file, 0o644);
    await writeFile(file, 'HELLO');
    await utimes(file, 1, 1);
    await cache.bring(wanted);
    expect(await readFile(file, 'utf8')).toBe('hello');
    expect(wanted.fetched).toBe(2);
  });

  it('lets the next one fetch where the first one was cancelled, and tells each its own failure', async () => {
    const cache = await open();
    const good = wanting('hello');
    const began = Promise.withResolvers<undefined>();
    const cancel = Promise.withResolvers<never>();
    const cancelled = cache.bring({
      ...good,
      fetch: () => {
        began.resolve(undefined);
        return cancel.promise;
      },
    });
    await began.promise;
    const next = cache.bring(good);
    cancel.reject(new Error('cancelled'));
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(await readFile((await next)?.file ?? '', 'utf8')).toBe('hello');
  });

  it('keeps the bytes of one content once, whoever fetched it, but finds it by no name of another', async () => {
    const cache = await open();
    const [hers, his] = [wanting('same'), { ...wanting('same'), name: ['bob', 'in', 'same'] }];
    const again = wanting('same', { name: 'other key' });
    await cache.bring(hers);
    await cache.bring(his);
    await cache.bring(again);
    expect([hers.fetched, again.fetched]).toEqual([1, 1]);
    expect(await contents()).toHaveLength(1);
  });

  it('keeps what may be executed apart from the same bytes that may not', async () => {
    const cache = await open();
    const plain = await cache.bring(wanting('same', { name: 'a' }));
    const tool = await cache.bring(wanting('same', { name: 'b', isExecutable: true }));
    expect((await stat(plain?.file ?? '')).mode & 0o777).toBe(0o444);
    expect((await stat(tool?.file ?? '')).mode & 0o777).toBe(0o555);
  });

  it('keeps no more than it may, nothing beyond its time, and gives room', async () => {
    const cache = await open(3 * 4_096);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => wanting(text)) as [never, never, never, never];
    for (const wanted of [a, b, c]) await cache.bring(wanted);
    await cache.bring(a);
    await cache.bring(d);
    await cache.bring(a);
    await cache.bring(b);
    expect([a, b].map(({ fetched }: { fetched: number }) => fetched)).toEqual([1, 2]);
    expect(await contents()).toHaveLength(3);
    await cache.free(4_097);
    expect(await contents()).toHaveLength(1);
    now += 60_000;
    await cache.bring(b);
    expect((b as { fetched: number }).fetched).toBe(3);
  });

  it('keeps nothing for no time, and nothing that is larger than all of it', async () => {
    const cache = await open(10_000);
    expect(await cache.bring(wanting('a', { ttlMs: 0 }))).toBeUndefined();
    expect(await cache.bring(wanting('x'.repeat(10_001)))).toBeUndefined();
    expect(await contents()).toEqual([]);
  });

  it('is taken up by the next process, after a kill as well, without what had not come whole', async () => {
    const cache = await open();
    const [whole, cut, changed] = [wanting('whole'), wanting('cut off'), wanting('changed')];
    const files = [];
    for (const wanted of [whole, cut, changed]) files.push((await cache.bring(wanted))?.file ?? '');
    await cache.close();
    await appendFile(join(folder, 'index.jsonl'), '{"name":"torn');
    await writeFile(join(folder, 'incoming', 'half'), 'half');
    await writeFile(join(folder, 'content', 'nobody knows'), 'x');
    for (const file of files.slice(1)) await chmod(file, 0o644);
    await writeFile(files[1] ?? '', 'cut');
    await writeFile(files[2] ?? '', 'CHANGED');

    const next = await open();
    for (const wanted of [whole, cut, changed]) {
      const file = (await next.bring(wanted))?.file ?? '';
      expect(await readFile(file, 'utf8')).toBe(wanted.name[2]);
    }
    expect([whole.fetched, cut.fetched, changed.fetched]).toEqual([1, 2, 2]);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
    expect(await contents()).toHaveLength(3);
  });

  it('is empty rather than broken where its index is gone', async () => {
    const wanted = wanting('hello');
    await (await open()).bring(wanted);
    await rm(join(folder, 'index.jsonl'));
    const next = await open();
    expect(await contents()).toEqual([]);
    await next.bring(wanted);
    expect(wanted.fetched).toBe(2);
  });

  it('counts what it had and what came from storage, so that its hit rate can be seen', async () => {
    const telemetry = startTelemetry({ service: 'test' });
    const cache = await open(10);
    await cache.bring(wanting('hello'));
    for (let times = 0; times < 3; times += 1) await cache.bring(wanting('hello'));
    // Not kept: one is to be kept for no time, one is too large.
    expect(await cache.bring(wanting('brief', { ttlMs: 0 }))).toBeUndefined();
    expect(await cache.bring(wanting('larger than all'))).toBeUndefined();
    const { text } = await telemetry.metrics();
    const counted = (name: string, from: string): number =>
      Number(new RegExp(`^${name}\\{from="${from}".*\\} (\\d+)$`, 'm').exec(text)?.[1]);
    expect([counted('fornax_inputs_total', 'cache'), counted('fornax_inputs_total', 'storage')]).toEqual([3, 3]);
    expect(counted('fornax_inputs_size_total', 'cache')).toBe(15);
    expect(counted('fornax_inputs_size_total', 'storage')).toBe(25);
    await cache.close();
  });
});
