import { describe, expect, it } from '@jest/globals';

import { ThreadPlaces } from './thread-places.js';

const held = (): { readonly call: () => Promise<void>; readonly end: () => void; readonly begun: Promise<void> } => {
  const [end, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return { call: () => (begun.resolve(), end.promise), end: end.resolve, begun: begun.promise };
};

describe('calls that hold threads', () => {
  it('are made in their order, no more at once than there are places', async () => {
    const places = new ThreadPlaces(1);
    const [first, second] = [held(), held()];
    const one = places.within(first.call, 60_000);
    const two = places.within(second.call, 60_000);
    await first.begun;
    let hasBegun = false;
    void second.begun.then(() => (hasBegun = true));
    await new Promise(setImmediate);
    expect(hasBegun).toBe(false);
    first.end();
    expect(await one).toBe('returned');
    await second.begun;
    second.end();
    expect(await two).toBe('returned');
  });

  it('are given up when they take too long, keep their place, and turn away who comes when no other is left', async () => {
    const places = new ThreadPlaces(1);
    const stuck = held();
    const first = places.within(stuck.call, 1);
    const waiting = places.within(async () => undefined, 60_000);
    expect(await first).toBe('late');
    expect(await waiting).toBe('full');
    expect(await places.within(async () => undefined, 60_000)).toBe('full');
    stuck.end();
    await new Promise(setImmediate);
    expect(await places.within(async () => undefined, 60_000)).toBe('returned');
  });

  it('throw what they throw, and leave their place', async () => {
    const places = new ThreadPlaces(1);
    const failing = (): Promise<never> => Promise.reject(new Error('no such call'));
    await expect(places.within(failing, 60_000)).rejects.toThrow('no such call');
    expect(await places.within(async () => undefined, 60_000)).toBe('returned');
  });
});
