import { describe, expect, it } from '@jest/globals';
import { roomOf, SecretRoom } from './secret-room.js';

const file = (path: string, size: number) => ({ path, content: Buffer.alloc(size) });

describe('the memory that files of secrets take', () => {
  it.each([
    [[], 0],
    [[file('a', 0)], 1_024],
    [[file('a', 1)], 4_096 + 1_024],
    [[file('a/b/c', 4_097), file('a/b/d', 1)], 3 * 4_096 + 4 * 1_024],
  ])('is that of whole pages, and of what each file and folder is (%#)', (files, bytes) =>
    expect(roomOf(files)).toBe(bytes),
  );
});

describe('the room for secrets of all instances', () => {
  it('is given in the order in which it was asked for, as others give it back', async () => {
    const room = new SecretRoom(100);
    const order: string[] = [];
    const take = (id: string, bytes: number) => room.take(id, bytes).then(() => order.push(id));
    await take('a', 60);
    const later = [take('b', 60), take('c', 10)];
    await Promise.resolve();
    // There would be room for the second one: it would pass the first for ever.
    expect([order, room.usedBytes]).toEqual([['a'], 60]);
    room.give('a');
    await Promise.all(later);
    expect([order, room.usedBytes]).toEqual([['a', 'b', 'c'], 70]);
    room.give('b');
    room.give('b');
    room.give('c');
    expect(room.usedBytes).toBe(0);
  });

  it('is what an instance has now, not what it had before', async () => {
    const room = new SecretRoom(100);
    for (let time = 0; time < 5; time += 1) await room.take('a', 90);
    expect(room.usedBytes).toBe(90);
    // It does not lose it to one that waits.
    const waits = room.take('b', 80);
    await room.take('a', 95);
    expect(room.usedBytes).toBe(95);
    room.give('a');
    await waits;
    expect(room.usedBytes).toBe(80);
  });

  it('is refused to whoever wants more than all, and lost to nobody who gives up', async () => {
    const room = new SecretRoom(100);
    await expect(room.take('a', 101)).rejects.toThrow('take 101 bytes');
    await room.take('a', 90);
    const stop = new AbortController();
    const waits = room.take('b', 50, stop.signal);
    const behind = room.take('c', 10);
    stop.abort(new Error('it was cancelled'));
    await expect(waits).rejects.toThrow('it was cancelled');
    await behind;
    await expect(room.take('d', 1, stop.signal)).rejects.toThrow('it was cancelled');
    expect(room.usedBytes).toBe(100);
  });
});
