import { describe, expect, it } from '@jest/globals';
import type { LogHead } from '@fornax/event-store';
import { Progress } from '@fornax/base';
import { ReadBarrier, SharedHead } from './read-barrier.js';

/** A log whose end is told when the spec says so; each answer is what was true when the question reached it. */
const aLog = () => {
  const questions: { readonly answer: (sequence: number) => void; readonly fail: (error: Error) => void }[] = [];
  const head = (): Promise<LogHead> =>
    new Promise((resolve, reject) =>
      questions.push({ answer: (sequence) => resolve({ epoch: 'e', sequence }), fail: reject }),
    );
  return { head, questions };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the end of the log, asked for by many', () => {
  it('is asked for once more by all who come while somebody asks, however many', async () => {
    const { head, questions } = aLog();
    const shared = new SharedHead({ head });
    const first = shared.ask();
    const crowd = Array.from({ length: 50 }, () => shared.ask());
    await turn();
    expect(questions).toHaveLength(1);
    questions[0]?.answer(7);
    expect((await first).sequence).toBe(7);
    await turn();
    expect(questions).toHaveLength(2);
    questions[1]?.answer(9);
    // What was appended behind the first question is seen by all who came after it.
    expect(await Promise.all(crowd)).toEqual(crowd.map(() => ({ epoch: 'e', sequence: 9 })));
  });

  it('is asked for anew once nobody asks any more, also after a failure', async () => {
    const { head, questions } = aLog();
    const shared = new SharedHead({ head });
    const first = shared.ask();
    const second = shared.ask();
    questions[0]?.fail(new Error('nobody answers'));
    await expect(first).rejects.toThrow('nobody answers');
    await turn();
    questions[1]?.answer(3);
    expect((await second).sequence).toBe(3);
    const third = shared.ask();
    questions[2]?.answer(4);
    expect((await third).sequence).toBe(4);
  });
});

describe('a read barrier', () => {
  const barrierOf = (progress: Progress, head: () => Promise<LogHead>, timeoutMs: number): ReadBarrier =>
    new ReadBarrier({
      head: new SharedHead({ head }),
      reach: (sequence, wait) => progress.reach(sequence, { timeoutMs: wait }),
      timeoutMs,
    });

  it('opens when what is read has passed the end of the log', async () => {
    const { head, questions } = aLog();
    const progress = new Progress(5);
    const seen = barrierOf(progress, head, 600_000).caughtUp();
    questions[0]?.answer(6);
    await turn();
    progress.advance(6);
    expect(await seen).toBe(true);
  });

  it('tells that what is read is still behind when the time is over', async () => {
    const { head, questions } = aLog();
    const barrier = barrierOf(new Progress(5), head, 0);
    const seen = barrier.caughtUp();
    questions[0]?.answer(6);
    expect(await seen).toBe(false);
    expect(await barrier.passed(5)).toBe(true);
    expect(await barrier.passed(6, 1)).toBe(false);
  });

  it('tells whether whoever waits has time', async () => {
    const asked: unknown[] = [];
    const barrier = new ReadBarrier({
      head: { ask: () => Promise.reject(new Error('not asked')) },
      reach: (...of) => Promise.resolve(asked.push(of) > 0),
      timeoutMs: 7,
    });
    expect([await barrier.passed(3), await barrier.passedInDueTime(4), await barrier.passedInDueTime(5, 9)]).toEqual(
      Array.from({ length: 3 }, () => true),
    );
    expect(asked).toEqual([
      [3, 7],
      [4, 7, true],
      [5, 9, true],
    ]);
  });

  it('says so when the log cannot be asked', async () => {
    const { head, questions } = aLog();
    const seen = barrierOf(new Progress(5), head, 0).caughtUp();
    questions[0]?.fail(new Error('nobody answers'));
    await expect(seen).rejects.toThrow('nobody answers');
  });
});
