import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import { aCommit, bucketCreated, cancelRequested, eventually, nodeJoined, submitted } from '@fornax/testing';
import { type EventLog, LogReset, VersionConflict } from './event-log.js';
import { withEvents } from './with-events.js';

const idsOf = (commits: readonly RecordedCommit[]): readonly string[] => commits.map(({ id }) => id);

const collect = async (batches: AsyncIterable<readonly RecordedCommit[]>): Promise<readonly RecordedCommit[]> => {
  const all: RecordedCommit[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
};

/** What every `EventLog` keeps. `open` gives a new, empty log for each test. */
export const describeEventLog = (name: string, open: () => Promise<EventLog>): void => {
  describe(`${name} as an event log`, () => {
    let log: EventLog;
    let over: AbortController;

    beforeEach(async () => {
      log = await open();
      over = new AbortController();
    });
    afterEach(() => over.abort());

    const submit = (id: string) => log.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);

    it('gives commits the order in which they were appended', async () => {
      expect(await submit('a')).toBe(1);
      expect(await submit('b')).toBe(2);
      expect(await log.append('task', 'a', aCommit('cancel-a', [cancelRequested]), 1)).toBe(3);
      expect(idsOf(await collect(log.read({ from: 1 })))).toEqual(['submit-a', 'submit-b', 'cancel-a']);
    });

    it('gives back a commit as it was appended, with its place', async () => {
      const commit = aCommit('c-1', [submitted('a/b c.d*'), cancelRequested], {
        meta: {
          actor: 'user:ada',
          source: 'submission',
          correlationId: 'r-1',
          causationId: 'r-0',
          traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
          leaderEpoch: 7,
        },
        at: 1_700_000_000_123,
      });
      await log.append('task', 'a/b c.d*', commit, 0);
      const expected = { ...commit, sequence: 1, aggregate: 'task', aggregateId: 'a/b c.d*' };
      expect(await log.readAggregate('task', 'a/b c.d*')).toEqual([expected]);
      expect(await collect(log.read({ from: 1 }))).toEqual([expected]);
    });

    it('reads an aggregate a part at a time', async () => {
      let last = await submit('long');
      for (let n = 0; n < 40; n += 1)
        last = await log.append('task', 'long', aCommit(`c-${n}`, [cancelRequested]), last);
      const whole = idsOf(await log.readAggregate('task', 'long'));
      const parts: string[] = [];
      for (let after = 0; parts.length < 41;) {
        const part = await log.readAggregate('task', 'long', after, 30);
        expect(part.length).toBeLessThanOrEqual(30);
        parts.push(...idsOf(part));
        after = part.at(-1)?.sequence ?? Number.NaN;
      }
      expect(parts).toEqual(whole);
      expect(await log.readAggregate('task', 'long', last, 30)).toEqual([]);
      expect(idsOf(await log.readAggregate('task', 'long', 0, 1))).toEqual(['submit-long']);
    });

    it('refuses a commit that was decided on an older state', async () => {
      await submit('a');
      await expect(log.append('task', 'a', aCommit('late', [cancelRequested]), 0)).rejects.toBeInstanceOf(
        VersionConflict,
      );
      await expect(log.append('task', 'a', aCommit('early', [cancelRequested]), 9)).rejects.toBeInstanceOf(
        VersionConflict,
      );
      expect(await log.head()).toMatchObject({ sequence: 1 });
    });

    it('answers a repeated commit with the first sequence, whatever came since', async () => {
      const first = await submit('a');
      expect(await submit('a')).toBe(first);
      await log.append('task', 'a', aCommit('cancel-a', [cancelRequested]), first);
      expect(await submit('a')).toBe(first);
      expect(await log.head()).toMatchObject({ sequence: 2 });
    });

    it('takes one commit id on several aggregates', async () => {
      expect(await log.append('task', 'a', aCommit('same', [submitted('a')]), 0)).toBe(1);
      expect(await log.append('task', 'b', aCommit('same', [submitted('b')]), 0)).toBe(2);
    });

    it('lets exactly one of many concurrent writers win', async () => {
      await submit('a');
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => log.append('task', 'a', aCommit(`cancel-${n}`, [cancelRequested]), 1)),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(outcomes.filter((o) => o.status === 'rejected' && !(o.reason instanceof VersionConflict))).toEqual([]);
      expect(await log.readAggregate('task', 'a')).toHaveLength(2);
    });

    it('refuses events that could not be read back', async () => {
      const broken = JSON.parse('{"type":"TaskSubmitted"}');
      await expect(log.append('task', 'a', aCommit('broken', [broken]), 0)).rejects.toThrow();
      expect(await log.head()).toMatchObject({ sequence: 0 });
    });

    it('reads an aggregate alone, whole or its tail', async () => {
      await submit('a');
      await submit('b');
      await log.append('task', 'a', aCommit('a-2', [cancelRequested]), 1);
      await log.append('bucket', 'a', aCommit('bucket-a', [bucketCreated('a')]), 0);
      expect(idsOf(await log.readAggregate('task', 'a'))).toEqual(['submit-a', 'a-2']);
      expect(idsOf(await log.readAggregate('task', 'a', 1))).toEqual(['a-2']);
      expect(await log.readAggregate('task', 'a', 3)).toEqual([]);
      expect(await log.readAggregate('task', 'nobody')).toEqual([]);
    });

    it('reads an aggregate with a long history', async () => {
      let sequence = await submit('a');
      for (let n = 0; n < 80; n += 1)
        sequence = await log.append('task', 'a', aCommit(`c-${n}`, [cancelRequested]), sequence);
      const commits = await log.readAggregate('task', 'a');
      expect(commits).toHaveLength(81);
      expect(commits.at(-1)?.id).toBe('c-79');
    });

    it('reads a range, of some aggregates, in batches', async () => {
      for (const id of ['a', 'b', 'c', 'd']) await submit(id);
      await log.append('bucket', 'x', aCommit('bucket-x', [bucketCreated('x')]), 0);
      await log.append('node', 'n', aCommit('node-n', [nodeJoined('n')]), 0);
      expect(idsOf(await collect(log.read({ from: 2, to: 3 })))).toEqual(['submit-b', 'submit-c']);
      expect(idsOf(await collect(log.read({ from: 1, aggregates: ['bucket'] })))).toEqual(['bucket-x']);
      expect(idsOf(await collect(log.read({ from: 4, aggregates: ['task', 'node'] })))).toEqual(['submit-d', 'node-n']);
      expect(await collect(log.read({ from: 7 }))).toEqual([]);
      expect(await collect(log.read({ from: 1, aggregates: ['pool'] }))).toEqual([]);
      const sizes: number[] = [];
      for await (const batch of log.read({ from: 1, maxBatch: 2 })) sizes.push(batch.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
    });

    it('follows what is there and what comes, in order, one batch at a time', async () => {
      for (let n = 0; n < 50; n += 1) await submit(`early-${n}`);
      const seen: number[] = [];
      let active = 0;
      let mostActive = 0;
      const done = log.subscribe({ from: 11, maxBatch: 7, signal: over.signal }, async (batch) => {
        active += 1;
        mostActive = Math.max(mostActive, active);
        expect(batch.length).toBeLessThanOrEqual(7);
        await new Promise(setImmediate);
        seen.push(...batch.map(({ sequence }) => sequence));
        active -= 1;
      });
      await Promise.all(Array.from({ length: 50 }, (_, n) => submit(`late-${n}`)));
      await eventually(() => seen.length === 90);
      expect(seen).toEqual(Array.from({ length: 90 }, (_, n) => n + 11));
      expect(mostActive).toBe(1);
      over.abort();
      await done;
    });

    it('hands over only the aggregates asked for, and tells how far it looked', async () => {
      const seen: string[] = [];
      let progress = 0;
      const options = {
        from: 1,
        aggregates: ['bucket', 'node'] as const,
        signal: over.signal,
        onProgress: (sequence: number) => void (progress = sequence),
      };
      const done = log.subscribe(options, (batch) => {
        seen.push(...idsOf(batch));
        return Promise.resolve();
      });
      await submit('a');
      await log.append('bucket', 'x', aCommit('bucket-x', [bucketCreated('x')]), 0);
      await submit('b');
      await eventually(() => progress === 3);
      expect(seen).toEqual(['bucket-x']);
      over.abort();
      await done;
    });

    it('hands over only the commits that are wanted, and moves on past the others without a call', async () => {
      const seen: string[] = [];
      let calls = 0;
      let progress = 0;
      const options = {
        from: 1,
        aggregates: ['task', 'bucket'] as const,
        wants: withEvents('BucketCreated'),
        signal: over.signal,
        onProgress: (sequence: number) => void (progress = sequence),
      };
      await submit('a');
      const done = log.subscribe(options, (batch) => {
        calls += 1;
        seen.push(...idsOf(batch));
        return Promise.resolve();
      });
      await eventually(() => progress === 1);
      await log.append('bucket', 'x', aCommit('bucket-x', [bucketCreated('x')]), 0);
      await submit('b');
      await eventually(() => progress === 3);
      expect({ seen, calls }).toEqual({ seen: ['bucket-x'], calls: 1 });
      over.abort();
      await done;
    });

    it.each([
      { aggregate: 'bucket', expected: ['bucket-x', 'bucket-y'] },
      { aggregate: 'task', expected: ['submit-a', 'submit-b'] },
    ] as const)('follows the $aggregate aggregate alone', async ({ aggregate, expected }) => {
      const seen: string[] = [];
      let isFollowing = false;
      const options = {
        from: 1,
        aggregates: [aggregate],
        signal: over.signal,
        onProgress: () => void (isFollowing = true),
      };
      const done = log.subscribe(options, (batch) => {
        seen.push(...idsOf(batch));
        return Promise.resolve();
      });
      await eventually(() => isFollowing);
      await submit('a');
      await log.append('bucket', 'x', aCommit('bucket-x', [bucketCreated('x')]), 0);
      await log.append('bucket', 'y', aCommit('bucket-y', [bucketCreated('y')]), 0);
      await submit('b');
      await eventually(() => seen.length >= 2 && seen.includes(expected[1]));
      expect(seen).toEqual(expected);
      over.abort();
      await done;
    });

    it('repeats a batch that failed, and skips none', async () => {
      const seen: number[] = [];
      const errors: unknown[] = [];
      let failures = 2;
      const done = log.subscribe({ from: 1, signal: over.signal, onError: (error) => errors.push(error) }, (batch) => {
        if (failures > 0) {
          failures -= 1;
          return Promise.reject(new Error('not now'));
        }
        seen.push(...batch.map(({ sequence }) => sequence));
        return Promise.resolve();
      });
      await submit('a');
      await submit('b');
      await eventually(() => seen.length === 2);
      expect(seen).toEqual([1, 2]);
      expect(errors).toHaveLength(2);
      over.abort();
      await done;
    });

    it('refuses to follow another log than the one that was read before', async () => {
      await submit('a');
      const ignore = () => Promise.resolve();
      await expect(
        log.subscribe({ from: 1, epoch: 'of another log', signal: over.signal }, ignore),
      ).rejects.toBeInstanceOf(LogReset);
      await expect(log.subscribe({ from: 3, signal: over.signal }, ignore)).rejects.toBeInstanceOf(LogReset);
    });

    it('tells whoever listens which aggregate somebody waits to write', async () => {
      const told: string[] = [];
      log.onAskedToYield('task', (id) => told.push(id), over.signal);
      log.onAskedToYield('node', (id) => told.push(`node ${id}`), over.signal);
      await eventually(() => {
        log.askToYield('task', 'a.b c');
        return told.length > 0;
      });
      expect(new Set(told)).toEqual(new Set(['a.b c']));
    });

    it('has a head that grows, in an epoch that stays', async () => {
      const empty = await log.head();
      expect(empty.sequence).toBe(0);
      await submit('a');
      expect(await log.head()).toEqual({ epoch: empty.epoch, sequence: 1 });
    });

    it('finds the next commit of some aggregates', async () => {
      await submit('a');
      await log.append('bucket', 'x', aCommit('bucket-x', [bucketCreated('x')]), 0);
      await submit('b');
      expect(await log.nextSequence(['bucket'], 0)).toBe(2);
      expect(await log.nextSequence(['bucket'], 2)).toBeUndefined();
      expect(await log.nextSequence(['task', 'bucket'], 1)).toBe(2);
      expect(await log.nextSequence(['task', 'node'], 1)).toBe(3);
    });
  });
};
