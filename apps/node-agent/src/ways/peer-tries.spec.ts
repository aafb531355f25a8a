import { Socket } from 'node:net';

import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { PeerTries, type Tried } from './peer-tries.js';
import { PeersFull } from './peers-full.js';

/** A try that is answered when the test says so. */
interface Try {
  readonly connect: () => void;
  readonly refuse: () => void;
}

describe('tries of a port of another instance', () => {
  const { signal } = new AbortController();
  afterEach(() => {
    jest.useRealTimers();
  });

  const set = (): { readonly tries: PeerTries; readonly made: Try[] } => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const made: Try[] = [];
    const reach = (): Promise<Socket> =>
      new Promise((resolve, reject) => {
        made.push({ connect: () => resolve(new Socket()), refuse: () => reject(new PeersFull()) });
      });
    return { tries: new PeerTries(reach, async () => undefined), made };
  };
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const kinds = (peers: readonly Tried[]): readonly string[] =>
    peers.map((peer) => (peer instanceof Socket ? 'connected' : String(peer)));

  it('that say there may be no more are told to who has no try of its own: what the others bring is theirs', async () => {
    const { tries, made } = set();
    const first = tries.next(signal);
    made[0]?.connect();
    await first;
    const three = [tries.next(signal), tries.next(signal), tries.next(signal)];
    await settled();
    expect(made).toHaveLength(3);
    made[1]?.refuse();
    await settled();
    made[2]?.connect();
    await settled();
    expect(kinds(await Promise.all(three))).toEqual(['connected', 'full', 'full']);
  });

  it('that bring one after another was refused show that there is room again, so who comes waits', async () => {
    const { tries, made } = set();
    const first = tries.next(signal);
    made[0]?.connect();
    await first;
    const two = [tries.next(signal), tries.next(signal)];
    await settled();
    made[1]?.refuse();
    await settled();
    made[2]?.connect();
    expect(kinds(await Promise.all(two))).toEqual(['connected', 'full']);
    const next = tries.next(signal);
    await settled();
    jest.advanceTimersByTime(3_000);
    await settled();
    made[3]?.connect();
    expect(kinds([await next])).toEqual(['connected']);
  });
});
