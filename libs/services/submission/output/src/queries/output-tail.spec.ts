import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { LogIngest } from '../followers/log-ingest.js';
import type { OutputOf } from '../model/output-of.js';
import type { OutputPages } from '../model/output-pages.js';
import { OutputSignals } from '../model/output-signals.js';
import { OutputTail } from './output-tail.js';

const HEARTBEAT_MS = 15_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the tail of an instance that prints nothing', () => {
  it('says every 15 s that it is there, also while others of the task print', async () => {
    const signals = new OutputSignals();
    const of = {
      kind: 'tasks',
      stream: 'stdout',
      instance: 0,
      task: { taskId: 'task', endMs: null, fold: { inFlight: new Map([[0, {}]]) } },
    } as unknown as OutputOf;
    // None of these is what is tried here: the database has nothing of this instance.
    const pages = { after: async () => ({ chunks: [], next: 0, isLast: true }) } as unknown as OutputPages;
    const tail = new OutputTail({} as DataSource, {} as LogIngest, pages, signals);
    const stop = new AbortController();
    const said: number[] = [];
    const begunAt = performance.now();
    const read = (async () => {
      for await (const text of tail.open(of, { look: async () => of, from: undefined, signal: stop.signal }))
        if (text.includes('still here')) said.push(performance.now() - begunAt);
    })();
    for (let second = 1; second <= 50; second += 1) {
      await jest.advanceTimersByTimeAsync(1_000);
      if (second % 5 === 0) signals.wake(['task']);
    }
    stop.abort();
    await jest.advanceTimersByTimeAsync(0);
    await read;
    expect(said).toHaveLength(3);
    for (const [index, at] of said.entries()) expect(at).toBeLessThan((index + 1) * (HEARTBEAT_MS + 1_000));
  });
});
