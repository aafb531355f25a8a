import { expect, it } from '@jest/globals';
import { RecurringTrouble } from './recurring-trouble.js';

const setUp = () => {
  const said: string[] = [];
  const clock = { now: 0 };
  let planned: { readonly at: number; readonly work: () => void } | undefined;
  const trouble = new RecurringTrouble(
    {
      failed: (error, more) => said.push(`${(error as Error).message} +${more}`),
      over: (more) => said.push(`over +${more}`),
    },
    {
      nowMs: () => clock.now,
      after: (ms, work) => {
        planned = { at: clock.now + ms, work };
        return () => (planned = undefined);
      },
    },
  );
  const passSeconds = (seconds: number): void => {
    clock.now += seconds * 1_000;
    if (planned === undefined || planned.at > clock.now) return;
    const { work } = planned;
    planned = undefined;
    work();
  };
  return { said, passSeconds, trouble };
};

it('tells the same trouble at once and then once a minute, however its numbers change, and once that it is over', () => {
  const { said, passSeconds, trouble } = setUp();
  for (let second = 0; second <= 150; second += 1) {
    trouble.failed(new Error(`the log ends at ${second}`));
    passSeconds(1);
  }
  trouble.succeeded();
  passSeconds(10);
  trouble.succeeded();
  passSeconds(10);
  expect(said).toEqual(['the log ends at 0 +0', 'the log ends at 60 +59', 'the log ends at 120 +59', 'over +30']);
});

it('says nothing of what works for a moment before it fails again', () => {
  const { said, passSeconds, trouble } = setUp();
  for (let second = 0; second < 50; second += 1) {
    trouble.failed(new Error('a'));
    trouble.succeeded();
    passSeconds(1);
  }
  expect(said).toEqual(['a +0']);
});

it('tells another trouble at once', () => {
  const { said, passSeconds, trouble } = setUp();
  trouble.failed(new Error('a'));
  trouble.failed(new Error('a'));
  trouble.failed(new Error('b'));
  trouble.succeeded();
  passSeconds(6);
  trouble.failed(new Error('b'));
  expect(said).toEqual(['a +0', 'b +0', 'over +0', 'b +0']);
});
