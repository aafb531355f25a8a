import { describe, expect, it } from '@jest/globals';
import { aCommit } from '@fornax/testing';
import { InMemoryLog } from '../in-memory/in-memory.event-log.js';
import { aggregatePages } from './aggregate-pages.js';

describe('the pages of an aggregate', () => {
  it.each([0, 1, 500, 501, 1_001])('are all of its %d commits, once and in order', async (count) => {
    const log = new InMemoryLog();
    let last = 0;
    for (let at = 0; at < count; at += 1)
      last = await log.append('task', 't', aCommit(`c-${at}`, [{ type: 'TaskCancelRequested', at }]), last);
    const pages: (readonly string[])[] = [];
    for await (const page of aggregatePages(log, 'task', 't')) pages.push(page.map(({ id }) => id));
    expect(pages.flat()).toEqual(Array.from({ length: count }, (_, at) => `c-${at}`));
    expect(Math.max(0, ...pages.map(({ length }) => length))).toBeLessThanOrEqual(500);
  });
});
