import { InMemoryLog } from '@fornax/event-store';
import { aCommit, submitted } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import { TaskOwners } from './task-owners.js';

describe('whose a task is', () => {
  it('is asked again of one that came into the log after something of it was stored', async () => {
    const log = new InMemoryLog();
    const owners = new TaskOwners(log);
    expect(await owners.among(['t'], 'ada')).toEqual(new Set());
    await log.append('task', 't', aCommit('c', [submitted('t', {}, 'ada')]), 0);
    expect(await owners.among(['t', 'unknown'], 'ada')).toEqual(new Set(['t']));
    expect(await owners.among(['t'], 'eve')).toEqual(new Set());
  });
});
