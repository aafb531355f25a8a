import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeaseLine, WaitedTooLong } from './lease-line.js';

const never = new AbortController().signal;
const claim = (owner = 'ada', cores = 1, memoryMB = 1) => ({ owner, cores, memoryMB });
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Who has begun, in order, and what ends it. */
const lineOf = (cores: number, memoryMB = 100, longestMs = 600_000) => {
  const line = new LeaseLine({ cores, memoryMB }, longestMs);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const enter = (name: string, of = claim(), signal = never): Promise<unknown> =>
    line
      .enter(of, signal)
      .then((end) => {
        begun.push(name);
        ends.set(name, end);
      })
      .catch((error: unknown) => error);
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await soon();
  };
  return { line, begun, enter, end };
};

describe('the line of leases', () => {
  it('lets leases begin for whose cores there is room, and the next when one ends', async () => {
    const { line, begun, enter, end } = lineOf(2);
    for (const name of ['a', 'b', 'c', 'd']) void enter(name);
    await soon();
    expect([begun, line.length]).toEqual([['a', 'b'], 2]);
    await end('b');
    // Safe to repeat: room is given back once.
    await end('b');
    expect([begun, line.length]).toEqual([['a', 'b', 'c'], 1]);
  });

  it('never gives out more memory than there is, and lets pass what fits', async () => {
    const { begun, enter, end } = lineOf(8, 100);
    void enter('most', claim('ada', 1, 80));
    void enter('too large', claim('ada', 1, 60));
    void enter('small', claim('ada', 1, 20));
    await soon();
    expect(begun).toEqual(['most', 'small']);
    await end('small');
    expect(begun).toEqual(['most', 'small']);
    await end('most');
    expect(begun).toEqual(['most', 'small', 'too large']);
  });

  it('lets the owner with least running go first', async () => {
    const { begun, enter, end } = lineOf(2);
    for (const name of ['a1', 'a2', 'a3', 'a4']) void enter(name);
    void enter('b1', claim('grace'));
    await soon();
    await end('a1');
    await end('a2');
    expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  it('lets go of who is cancelled while waiting, and of nothing else', async () => {
    const { line, begun, enter, end } = lineOf(1);
    const stop = new AbortController();
    void enter('a');
    const b = enter('b', claim(), stop.signal);
    void enter('c');
    await soon();
    stop.abort(new Error('cancelled'));
    expect(await b).toEqual(new Error('cancelled'));
    expect(line.length).toBe(1);
    await end('a');
    expect(begun).toEqual(['a', 'c']);
    expect(await enter('late', claim(), stop.signal)).toEqual(new Error('cancelled'));
  });

  it('gives back who waits for too long, and only who waits', async () => {
    const { line, begun, enter } = lineOf(1, 100, 1);
    void enter('a');
    expect(await enter('b')).toBeInstanceOf(WaitedTooLong);
    expect([begun, line.length]).toEqual([['a'], 0]);
  });

  it('begins on an empty node what is larger than it', async () => {
    const { begun, enter, end } = lineOf(2);
    void enter('large', claim('ada', 64));
    void enter('small');
    await soon();
    expect(begun).toEqual(['large']);
    await end('large');
    expect(begun).toEqual(['large', 'small']);
  });

  it('never overfills the node and lets everything begin, whatever comes', async () => {
    const sizes = fc.record({
      owner: fc.constantFrom('ada', 'grace', 'alan'),
      cores: fc.integer({ min: 1, max: 4 }),
      memoryMB: fc.integer({ min: 1, max: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { maxLength: 30 }), fc.infiniteStream(fc.nat()), async (claims, dice) => {
        const { line, begun, enter, end } = lineOf(4, 10);
        claims.forEach((of, index) => void enter(String(index), of));
        const running = new Set<string>();
        let seen = 0;
        for (let guard = 0; guard <= claims.length; guard += 1) {
          await soon();
          for (; seen < begun.length; seen += 1) running.add(begun[seen] ?? '');
          const taken = [...running].map((name) => claims[Number(name)] ?? claim());
          expect(taken.reduce((sum, { cores }) => sum + cores, 0)).toBeLessThanOrEqual(4);
          expect(taken.reduce((sum, { memoryMB }) => sum + memoryMB, 0)).toBeLessThanOrEqual(10);
          const name = [...running][dice.next().value % Math.max(1, running.size)];
          if (name === undefined) break;
          running.delete(name);
          await end(name);
        }
        expect([begun.length, line.length]).toEqual([claims.length, 0]);
      }),
      { numRuns: 50 },
    );
  });
});
