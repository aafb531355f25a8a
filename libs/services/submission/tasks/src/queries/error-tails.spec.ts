import { describe, expect, it } from '@jest/globals';
import { AT, submitted } from '@fornax/testing';
import { applyTaskCommit, type TaskStatus } from '../model/task-status.js';
import { ErrorTails, type ReadTail } from './error-tails.js';

const aTask = (): TaskStatus => {
  const { status } = applyTaskCommit(undefined, {
    id: 'c',
    events: [submitted('t', { instances: '0-1' })],
    meta: { actor: 'service:test', source: 's', correlationId: 'c' },
    at: AT,
    sequence: 1,
    aggregate: 'task',
    aggregateId: 't',
  });
  if (!status) throw new Error('a task that was submitted has a status');
  return status;
};

const tailsReadBy = (
  readYourWritesTimeoutMs: number,
  readTail: ReadTail,
  warn: (fields: object) => void = () => undefined,
): ErrorTails => {
  const tails = new ErrorTails({ readYourWritesTimeoutMs }, { info: () => undefined, warn });
  tails.readBy(readTail);
  return tails;
};

describe('the end of what failed instances printed', () => {
  it('is left out when it cannot be read in time, and read once for all who ask meanwhile', async () => {
    let arrive = (_tail: { text: string; isOver: boolean }): void => undefined;
    let reads = 0;
    const tails = tailsReadBy(0, (_task, instance) => {
      if (instance === 0) return Promise.resolve({ text: 'quick', isOver: true });
      reads += 1;
      return new Promise((resolve) => (arrive = resolve));
    });
    expect((await tails.of(aTask(), [1])).get(1)).toBe('');
    const both = await tails.of(aTask(), [0, 1]);
    expect([both.get(0), both.get(1), reads]).toEqual(['quick', '', 1]);
    arrive({ text: 'late', isOver: true });
    await new Promise((resolve) => setImmediate(resolve));
    expect([(await tails.of(aTask(), [1])).get(1), reads]).toEqual(['late', 1]);
  });

  it('is read again while more may come, and after a failure, which is logged', async () => {
    const warnings: object[] = [];
    const answers = [
      () => Promise.reject(new Error('nobody answers')),
      () => Promise.resolve({ text: 'a', isOver: false }),
      () => Promise.resolve({ text: 'ab', isOver: true }),
      () => Promise.reject(new Error('what is over is kept')),
    ];
    let at = 0;
    const tails = tailsReadBy(
      60_000,
      () => answers[at++]?.() ?? Promise.reject(new Error('too often')),
      (fields) => warnings.push(fields),
    );
    const shown: (string | undefined)[] = [];
    for (let asked = 0; asked < 4; asked += 1) shown.push((await tails.of(aTask(), [0])).get(0));
    expect([shown, at]).toEqual([['', 'a', 'ab', 'ab'], 3]);
    expect(warnings).toEqual([{ err: new Error('nobody answers'), more: 0 }]);
  });
});
