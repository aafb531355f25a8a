import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { runInThisContext } from 'node:vm';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ContentHash } from './content-hash.js';
import { PORTION_BYTES, inPortions, isShared, releasePortion } from './shared-portions.js';

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
/** Threads as they begin: the process tells, not the copy of it that specs have. */
const begun: Worker[] = [];
(runInThisContext('process') as NodeJS.Process).on('worker', (worker) => void begun.push(worker));
const killed = async (worker: Worker | undefined): Promise<void> => {
  if (!worker) throw new Error('there is no thread');
  const over = once(worker, 'exit');
  await worker.terminate();
  await over;
};

const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, at) => (at * 31) % 251));
/** Bytes of a length, each other than its neighbors. */
const bytesOf = (length: number): Buffer => Buffer.alloc(length, PATTERN);
const md5 = (...chunks: readonly Uint8Array[]): string => createHash('md5').update(Buffer.concat(chunks)).digest('hex');

const hashed = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const hash = new ContentHash('md5');
  for await (const chunk of bytes) {
    await hash.update(chunk);
    releasePortion(chunk);
  }
  return (await hash.digest()).toString('hex');
};

describe('the digest of content', () => {
  it('is that of its bytes, however they come and wherever they are hashed', async () => {
    const length = fc.integer({ min: 0, max: 2 * PORTION_BYTES });
    await fc.assert(
      fc.asyncProperty(fc.array(length, { maxLength: 6 }), async (lengths) => {
        const chunks = lengths.map(bytesOf);
        const expected = md5(...chunks);
        expect(await hashed(chunksOf(...chunks))).toBe(expected);
        expect(await hashed(inPortions(chunksOf(...chunks)))).toBe(expected);
      }),
      { numRuns: 20 },
    );
  });

  it('is right when many are under way at once, and some are abandoned', async () => {
    const contents = Array.from({ length: 12 }, (_, at) => bytesOf(3 * PORTION_BYTES + at));
    const expected = contents.map((content) => md5(content));
    const found = await Promise.all(
      contents.map(async (content, at) => {
        if (at % 3 !== 0) return hashed(inPortions(chunksOf(content)));
        const hash = new ContentHash('md5');
        for await (const chunk of inPortions(chunksOf(content))) await hash.update(chunk);
        hash.abandon();
        return expected[at];
      }),
    );
    expect(found).toEqual(expected);
  });
});

describe('a thread that dies', () => {
  /** Hashes much, and tells when the first portions have gone to their thread. */
  const beginHash = () => {
    const sent = Promise.withResolvers<void>();
    const more = Promise.withResolvers<void>();
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield bytesOf(2 * PORTION_BYTES);
      sent.resolve();
      await more.promise;
      yield bytesOf(8 * PORTION_BYTES);
    };
    const digest = hashed(inPortions(chunks()));
    digest.catch(() => undefined); // it is looked at below
    return { digest, sent: sent.promise, goOn: () => more.resolve() };
  };

  it('fails what it was hashing, at once and by a name, and nothing else; what comes next is hashed', async () => {
    const [first, second] = [beginHash(), beginHash()];
    await Promise.all([first.sent, second.sent]);
    const before = begun.length;
    await killed(begun[0]);
    first.goOn();
    second.goOn();
    const outcomes = await Promise.allSettled([first.digest, second.digest]);
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    expect(failed).toHaveLength(availableParallelism() > 1 ? 1 : 2);
    for (const outcome of failed) expect(outcome).toMatchObject({ reason: { name: 'ContentNotHashed' } });
    const lengths = [3, 4, 5].map((portions) => portions * PORTION_BYTES);
    const again = await Promise.all(lengths.map((length) => hashed(inPortions(chunksOf(bytesOf(length))))));
    expect(again).toEqual(lengths.map((length) => md5(bytesOf(length))));
    expect(begun.length).toBeLessThanOrEqual(before + 1);
  });

  (availableParallelism() > 1 ? it : it.skip)('leaves the others to those who come next', async () => {
    const busy = beginHash();
    await busy.sent;
    const dies = new ContentHash('no-such-digest');
    const [portion = Buffer.alloc(0)] = await Array.fromAsync(inPortions(chunksOf(bytesOf(5))));
    const updated = dies.update(portion);
    const exit = Promise.race(begun.map((worker) => new Promise((over) => worker.once('exit', over))));
    await updated;
    const reason = { name: 'ContentNotHashed', cause: { message: expect.stringMatching(/digest/i) } };
    await expect(dies.digest()).rejects.toMatchObject(reason);
    // Its end is told twice: as an error, and as an exit.
    await exit;
    await expect(dies.digest()).rejects.toMatchObject(reason);
    await expect(Promise.resolve(dies.update(portion))).rejects.toMatchObject(reason);
    const before = begun.length;
    busy.goOn();
    expect(await busy.digest).toBe(md5(bytesOf(2 * PORTION_BYTES), bytesOf(8 * PORTION_BYTES)));
    const again = await Promise.all([70, 80].map((length) => hashed(inPortions(chunksOf(bytesOf(length))))));
    expect(again).toEqual([70, 80].map((length) => md5(bytesOf(length))));
    expect(begun.length).toBeLessThanOrEqual(before + 1);
  });

  it('does not keep the digest waiting that was asked for before it died, or after', async () => {
    const hash = new ContentHash('md5');
    for await (const portion of inPortions(chunksOf(bytesOf(3 * PORTION_BYTES)))) await hash.update(portion);
    const asked = Promise.resolve(hash.digest());
    const outcome = asked.then(
      () => 'hashed',
      (error: Error) => error.name,
    );
    await Promise.all(begun.map((worker) => worker.terminate()));
    await new Promise(setImmediate);
    expect(['hashed', 'ContentNotHashed']).toContain(await outcome);
    expect(await hashed(inPortions(chunksOf(bytesOf(70))))).toBe(md5(bytesOf(70)));
  });
});

describe('portions', () => {
  it('hold the bytes in their order where other threads can read them, and take the chunks over', async () => {
    const chunk = new Uint8Array(bytesOf(PORTION_BYTES + 1));
    const expected = Buffer.from(chunk);
    const portions = await Array.fromAsync(inPortions(chunksOf(chunk, bytesOf(5))));
    expect(portions.map(({ byteLength }) => byteLength)).toEqual([PORTION_BYTES, 6]);
    expect(portions.every(isShared)).toBe(true);
    expect(Buffer.concat(portions).equals(Buffer.concat([expected, bytesOf(5)]))).toBe(true);
    expect(chunk.byteLength).toBe(0);
  });

  it('are not written over before their last reader has released them', async () => {
    const [kept] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('kept'))));
    const [released] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('released'))));
    if (!kept || !released) throw new Error('no portions');
    releasePortion(released);
    const [next] = await Array.fromAsync(inPortions(chunksOf(Buffer.from('next one'))));
    expect(next?.buffer).toBe(released.buffer);
    expect(Buffer.from(kept).toString()).toBe('kept');
  });
});
