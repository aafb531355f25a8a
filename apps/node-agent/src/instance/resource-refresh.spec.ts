import { describe, expect, it } from '@jest/globals';
import { type RefreshAsker, ResourceRefresh } from './resource-refresh.js';

const PAUSES = { firstMs: 1, longestMs: 2 };

const failNever = (error: unknown): void => {
  throw error;
};

describe('requests for new resources', () => {
  it('wait for the inputs, come once each, and are put together while one is carried out', async () => {
    const refresh = new ResourceRefresh(failNever);
    const fetches: (() => void)[] = [];
    refresh.ask(1);
    refresh.open(() => new Promise((resolve) => fetches.push(resolve)));
    expect(fetches).toHaveLength(1);
    refresh.ask(1);
    refresh.ask(2);
    refresh.ask(3);
    fetches[0]?.();
    await new Promise(setImmediate);
    expect(fetches).toHaveLength(2);
    fetches[1]?.();
    await new Promise(setImmediate);
    refresh.ask(2);
    expect(fetches).toHaveLength(2);
    refresh.ask(4);
    expect(fetches).toHaveLength(3);
    fetches[2]?.();
    await refresh.close();
  });

  it('tell of a failure, and go on with the next', async () => {
    const errors: unknown[] = [];
    const refresh = new ResourceRefresh((error) => errors.push(error));
    let fetches = 0;
    refresh.open(async () => {
      fetches += 1;
      throw new Error('no storage');
    });
    refresh.ask(1);
    await new Promise(setImmediate);
    refresh.ask(2);
    await new Promise(setImmediate);
    await refresh.close();
    expect([fetches, errors.length]).toEqual([2, 2]);
  });

  it('are repeated until they are carried out where somebody waits for them, and told of then', async () => {
    const errors: unknown[] = [];
    const refresh = new ResourceRefresh((error) => errors.push(error), PAUSES);
    const { promise: told, resolve } = Promise.withResolvers<number>();
    const failed: unknown[] = [];
    const onFailed: RefreshAsker['onFailed'] = (...failure) => failed.push(failure);
    refresh.open(
      async () => {
        if (errors.length < 2) throw new Error('no storage');
      },
      { onFetched: resolve, onFailed },
    );
    refresh.ask(3);
    expect(await told).toBe(3);
    expect(errors).toHaveLength(2);
    expect(failed).toEqual(errors.map((error) => [3, error, false]));
    await refresh.close();
  });

  it('are given up after some tries, and tried again when they are asked for again', async () => {
    const refresh = new ResourceRefresh(() => undefined, PAUSES);
    const finals: (readonly [number, boolean])[] = [];
    let ended = Promise.withResolvers<undefined>();
    refresh.open(() => Promise.reject(new Error('no storage')), {
      onFetched: () => undefined,
      onFailed: (update, _error, isFinal) => {
        finals.push([update, isFinal]);
        if (isFinal) ended.resolve(undefined);
      },
    });
    for (const update of [1, 2]) {
      finals.length = 0;
      ended = Promise.withResolvers();
      refresh.ask(update);
      await ended.promise;
      await new Promise(setImmediate);
      expect(finals).toEqual(Array.from({ length: 16 }, (_, at) => [update, at === 15]));
    }
    await refresh.close();
  });

  it('are given up in the middle of a pause when nobody needs them any more', async () => {
    const refresh = new ResourceRefresh(() => undefined);
    const told: number[] = [];
    refresh.open(() => Promise.reject(new Error('no storage')), {
      onFetched: (update) => told.push(update),
      onFailed: () => undefined,
    });
    refresh.ask(1);
    await new Promise(setImmediate);
    await refresh.close();
    expect(told).toEqual([]);
  });

  it('end with the command', async () => {
    const refresh = new ResourceRefresh(failNever);
    refresh.open(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended')))),
    );
    refresh.ask(1);
    await refresh.close();
    refresh.ask(2);
    await refresh.close();
  });
});
