import { describe, expect, it } from '@jest/globals';
import { DroppedMessages } from './dropped-messages.js';

describe('what an intake drops', () => {
  it('is told once in ten seconds for each reason, with how many there were', () => {
    const told: object[] = [];
    let now = 0;
    const dropped = new DroppedMessages<'a' | 'b'>('test', { warn: (fields) => told.push(fields) }, () => now);
    for (let index = 0; index < 1_000; index += 1) dropped.refuse('a', { node: 'n' });
    dropped.refuse('b', {});
    now = 10_000;
    dropped.refuse('a', { node: 'm' });
    expect(told).toEqual([
      { intake: 'test', reason: 'a', node: 'n' },
      { intake: 'test', reason: 'b' },
      { intake: 'test', reason: 'a', node: 'm', others: 999 },
    ]);
  });

  it('is not told when it is ordinary traffic', () => {
    const told: object[] = [];
    new DroppedMessages<'late'>('test', { warn: (fields) => told.push(fields) }).passOver('late');
    expect(told).toEqual([]);
  });
});
