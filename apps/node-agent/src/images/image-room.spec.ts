import { describe, expect, it } from '@jest/globals';

import { ImageRoom, type ImageRoomOptions, NoRoom } from './image-room.js';

/** A room of 1,000 bytes for images that lie on the spot: `idle` are those that nobody has. */
const roomOf = ({
  idle = [] as number[],
  used = 0,
  ...options
}: { idle?: number[]; used?: number } & Partial<ImageRoomOptions>) =>
  new ImageRoom({
    mostBytes: 1_000,
    kept: () => used + idle.reduce((sum, bytes) => sum + bytes, 0),
    letGo: () => Promise.resolve(idle.shift() !== undefined),
    spare: () => Promise.resolve(undefined),
    patienceMs: 0,
    ...options,
  });
const waiter = (signal = AbortSignal.timeout(10_000)) => ({ signal, onMoved: () => undefined });

describe('room for images', () => {
  it('is made by those that nobody has, no more of them than need be', async () => {
    const idle = [300, 300, 300];
    const held = await roomOf({ idle }).enter(200, waiter());
    expect(idle).toEqual([300, 300]);
    // What it is compressed to is a part of what it is.
    await held.grow(400);
    expect(idle).toEqual([300, 300]);
    await held.grow(200);
    expect(idle).toEqual([300]);
    await held.grow(400);
    await expect(async () => held.grow(1)).rejects.toThrow(NoRoom);
  });

  it('is one for all pulls and what is in use', async () => {
    const room = roomOf({ used: 500 });
    const first = await room.enter(300, waiter());
    await expect(room.enter(300, waiter())).rejects.toThrow(NoRoom);
    const second = await room.enter(100, waiter());
    await second.grow(200);
    await expect(async () => second.grow(1)).rejects.toThrow(NoRoom);
    first.end();
    first.end();
    await second.grow(299);
  });

  it('is not what instances need of the disk: idle images go first, then a pull does not begin, or ends', async () => {
    const idle = [10];
    let spare = 90;
    const room = roomOf({ idle, spare: () => Promise.resolve(spare + (idle.length === 0 ? 10 : 0)) });
    await expect(room.enter(101, waiter())).rejects.toThrow(NoRoom);
    expect(idle).toEqual([]);
    const held = await room.enter(60, waiter());
    // What the first one waits for is not promised to another.
    await expect(room.enter(60, waiter())).rejects.toThrow(NoRoom);
    spare = 40;
    await expect(held.expect(60)).rejects.toThrow(NoRoom);
  });

  it('is looked for on the disk again as a large image grows', async () => {
    let spare = 1e12;
    const held = await roomOf({ mostBytes: 1e12, spare: () => Promise.resolve(spare) }).enter(0, waiter());
    await held.grow(10_000_000);
    spare = 0;
    await held.grow(10_000_000);
    await expect(async () => held.grow(60_000_000)).rejects.toThrow(NoRoom);
  });

  it('has four pulls at a time; who goes away leaves its place in the line', async () => {
    const room = roomOf({});
    const first = await Promise.all(Array.from({ length: 4 }, () => room.enter(1, waiter())));
    const going = new AbortController();
    const fifth = room.enter(1, waiter(going.signal));
    const sixth = room.enter(1, waiter());
    going.abort(new Error('gone'));
    await expect(fifth).rejects.toThrow('gone');
    first[0]?.end();
    const held = await sixth;
    let isIn = false;
    const seventh = room.enter(1, waiter()).then((entered) => {
      isIn = true;
      return entered;
    });
    await Promise.resolve();
    expect(isIn).toBe(false);
    held.end();
    (await seventh).end();
  });
});
