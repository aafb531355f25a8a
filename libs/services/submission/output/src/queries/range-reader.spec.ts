import { describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { rangesOf } from '@fornax/domain';
import type { TaskStatus } from '@fornax/tasks';
import type { LogIngest } from '../followers/log-ingest.js';
import type { OutputArchive } from '../model/output-archive.js';
import { RangeReader } from './range-reader.js';

/** Output that grows by ten bytes whenever somebody looks, and has all come when they wait for the second time: no real one is that punctual. */
const growing = (): RangeReader => {
  let bytes = 0;
  let waits = 0;
  const db = { query: () => Promise.resolve([{ attempt: 1, end_offset: String((bytes += 10)), lost_bytes: '0' }]) };
  const ingest = { caughtUp: () => Promise.resolve((waits += 1) > 1) };
  return new RangeReader(
    db as unknown as DataSource,
    ingest as unknown as LogIngest,
    undefined as unknown as OutputArchive,
  );
};
const fold = { attempts: { countOf: () => 1 }, inFlight: new Map(), waiting: rangesOf(0) };
const task = { taskId: 't', fold } as unknown as TaskStatus;
const of = { kind: 'tasks', task, stream: 'stderr', instance: 0 } as const;

describe('the last bytes of an output', () => {
  it('are told as the last ones for good only if all had come before the end was looked up', async () => {
    const { isOver, offset, nextOffset, totalBytes } = await growing().readLast(of, 4);
    expect({ isOver, offset, nextOffset, totalBytes }).toEqual({
      isOver: false,
      offset: 6,
      nextOffset: 10,
      totalBytes: 10,
    });
  });
});
