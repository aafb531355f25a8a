import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkHistory } from './check-history.js';
import type { Ending, History, LedgerLine, Operation, Run } from './history.js';

const submit = (outcome: Operation['outcome'], key = 'a'): Operation => ({ kind: 'submit', key, outcome, at: 9 });
const abort = (outcome: Operation['outcome']): Operation => ({ kind: 'abort', key: 'a', outcome, at: 10 });
const aRun = (over: Partial<Run> = {}): Run => ({
  key: 'a',
  instance: 0,
  from: 10,
  until: 11,
  isDone: true,
  isOpen: false,
  ...over,
});
const aLine = (over: Partial<LedgerLine> = {}): LedgerLine => ({
  instance: 0,
  attempt: 1,
  outcome: 'success',
  billedMs: 1_000,
  ...over,
});
const anEnding = (over: Partial<Ending> = {}): Ending => ({
  key: 'a',
  uuid: 'uuid-a',
  state: 'Success',
  instances: 1,
  bucket: null,
  completed: [0],
  lines: [aLine()],
  ...over,
});
const aHistory = (over: Partial<History> = {}): History => ({
  operations: [submit('ok')],
  runs: [aRun()],
  endings: [anEnding()],
  losses: [],
  givenUp: new Set(),
  elapsedMs: 60_000,
  ...over,
});
const kinds = (over: Partial<History>): readonly string[] => checkHistory(aHistory(over)).map(({ kind }) => kind);
const lostAttempt = aLine({ outcome: 'node-lost' });

describe('the checker of histories', () => {
  it('finds nothing in a task that ran once', () => expect(checkHistory(aHistory())).toEqual([]));

  it('finds nothing in an instance that ran again after its node was lost', () =>
    expect(
      kinds({
        runs: [aRun({ isDone: false }), aRun({ from: 20, until: 21 })],
        endings: [anEnding({ lines: [lostAttempt, aLine({ attempt: 2 })] })],
      }),
    ).toEqual([]));

  it('finds nothing in an attempt that was billed and never came to its first word', () =>
    expect(kinds({ endings: [anEnding({ lines: [lostAttempt, aLine({ attempt: 2 })] })] })).toEqual([]));

  it('lets an unknown submit be made or not', () => {
    const operations = [submit('unknown')];
    expect(kinds({ operations })).toEqual([]);
    expect(kinds({ operations, runs: [], endings: [] })).toEqual([]);
  });

  it('lets an abort come in time or too late, unless it was refused', () => {
    const cancelled = {
      runs: [aRun({ isDone: false })],
      endings: [anEnding({ state: 'Cancelled', completed: [], lines: [aLine({ outcome: 'cancelled' })] })],
    };
    expect(kinds({ ...cancelled, operations: [submit('ok'), abort('ok')] })).toEqual([]);
    expect(kinds({ ...cancelled, operations: [submit('ok'), abort('unknown')] })).toEqual([]);
    expect(kinds({ operations: [submit('ok'), abort('ok')] })).toEqual([]);
    expect(kinds({ ...cancelled, operations: [submit('ok'), abort('fail')] })).toEqual(['wrong end']);
  });

  it.each<[string, Partial<History>, readonly string[]]>([
    ['an acknowledged submit that is lost', { runs: [], endings: [] }, ['lost']],
    ['a submit that made two tasks', { endings: [anEnding(), anEnding({ uuid: 'other' })] }, ['made twice']],
    ['a refused submit that made a task', { operations: [submit('fail')] }, ['made though refused']],
    ['a refused submit that ran', { operations: [submit('fail')], endings: [] }, ['run without a task']],
    ['a task that hangs', { endings: [anEnding({ state: 'FullyExecuting', completed: [] })] }, ['not ended']],
    ['a task that failed', { endings: [anEnding({ state: 'Failure' })] }, ['wrong end']],
    ['an end that is not told', { endings: [anEnding({ completed: [] })] }, ['end not reported']],
    ['an end that is told twice', { endings: [anEnding({ completed: [0, 0] })] }, ['end not reported']],
    ['a success of nothing', { runs: [aRun({ isDone: false })] }, ['never run to its end']],
    [
      'two runs at one time',
      {
        runs: [aRun(), aRun({ from: 10.5, until: 12 })],
        endings: [anEnding({ lines: [lostAttempt, aLine({ attempt: 2 })] })],
      },
      ['two at one time'],
    ],
    [
      'a short run within a long one, and another after it',
      {
        runs: [aRun({ until: 20 }), aRun({ from: 11, until: 12 }), aRun({ from: 15, until: 16 })],
        endings: [
          anEnding({ lines: [lostAttempt, aLine({ attempt: 2, outcome: 'node-lost' }), aLine({ attempt: 3 })] }),
        ],
      },
      ['two at one time', 'two at one time'],
    ],
    ['a run that nobody ended', { runs: [aRun({ isOpen: true })] }, ['still running']],
    ['a run that nobody billed', { runs: [aRun({ isDone: false }), aRun({ from: 20, until: 21 })] }, ['not billed']],
    [
      'an attempt with two lines',
      { endings: [anEnding({ lines: [aLine(), aLine({ outcome: 'node-lost' })] })] },
      ['billed twice'],
    ],
    ['two successes', { endings: [anEnding({ lines: [aLine(), aLine({ attempt: 2 })] })] }, ['billed twice']],
    ['a success without a line', { endings: [anEnding({ lines: [lostAttempt] })] }, ['not billed']],
    [
      '26 hours for a second',
      { endings: [anEnding({ lines: [aLine({ billedMs: 93_600_000 })] })] },
      ['billed too long'],
    ],
  ])('finds %s', (_, over, expected) => expect(kinds(over)).toEqual(expected));

  describe('of a log that went back, and said so', () => {
    const losses = [{ from: 8, until: 15 }];

    it('lets go of what was acknowledged, run and not billed in that time', () => {
      expect(kinds({ losses, endings: [] })).toEqual([]);
      expect(kinds({ losses, endings: [], runs: [aRun()] })).toEqual([]);
      expect(kinds({ losses, endings: [], runs: [aRun(), aRun({ from: 20, until: 21 })] })).toEqual([
        'run without a task',
      ]);
      expect(kinds({ losses, runs: [aRun(), aRun({ from: 20, until: 21 })] })).toEqual([]);
    });

    it('does not let go of what was before or behind it, nor of objects for the log', () => {
      const later = { ...submit('ok'), at: 16 };
      expect(kinds({ losses, operations: [later], runs: [], endings: [] })).toEqual(['lost']);
      // Objects that were given up excuse no task.
      expect(kinds({ givenUp: new Set(['b/sleep-0.bin']), runs: [], endings: [] })).toEqual(['lost']);
      const behind = [aRun({ from: 16, until: 17, isDone: false }), aRun({ from: 20, until: 21 })];
      expect(kinds({ losses, runs: behind })).toEqual(['not billed']);
    });

    it('still finds an instance that runs twice', () =>
      expect(kinds({ losses, runs: [aRun(), aRun({ from: 10.5, until: 12 })] })).toEqual(['two at one time']));
  });

  /** Histories that a correct platform may leave, of any number of tasks and attempts. */
  const attempts = fc.integer({ min: 1, max: 4 });
  const correct = fc
    .array(
      fc.record({
        outcome: fc.constantFrom('ok' as const, 'unknown' as const),
        perInstance: fc.array(attempts, { minLength: 1, maxLength: 4 }),
        gap: fc.double({ min: 0, max: 5, noNaN: true }),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((tasks): History => {
      const runsOf = (key: string, instance: number, count: number, gap: number): readonly Run[] =>
        Array.from({ length: count }, (_, index) =>
          aRun({ key, instance, from: index * (1 + gap), until: index * (1 + gap) + 1, isDone: index === count - 1 }),
        );
      const linesOf = (instance: number, count: number): readonly LedgerLine[] =>
        Array.from({ length: count }, (_, index) =>
          aLine({ instance, attempt: index + 1, outcome: index === count - 1 ? 'success' : 'node-lost' }),
        );
      return {
        elapsedMs: 60_000,
        losses: [],
        givenUp: new Set(),
        operations: tasks.map(({ outcome }, n) => submit(outcome, `t${n}`)),
        runs: tasks.flatMap(({ perInstance, gap }, n) =>
          perInstance.flatMap((count, instance) => runsOf(`t${n}`, instance, count, gap)),
        ),
        endings: tasks.map(({ perInstance }, n) =>
          anEnding({
            key: `t${n}`,
            uuid: `uuid-${n}`,
            instances: perInstance.length,
            completed: perInstance.map((_, instance) => instance),
            lines: perInstance.flatMap((count, instance) => linesOf(instance, count)),
          }),
        ),
      };
    });

  it('finds nothing in any correct history, in whatever order things were noted', () =>
    fc.assert(
      fc.property(correct, (history) => {
        const turned = { ...history, runs: [...history.runs].reverse(), endings: [...history.endings].reverse() };
        expect([...checkHistory(history), ...checkHistory(turned)]).toEqual([]);
      }),
    ));

  it('finds any one run that is moved into another of its instance, taken off the bill, or billed again', () =>
    fc.assert(
      fc.property(correct, fc.nat(), (history, at) => {
        const index = at % history.runs.length;
        const run = history.runs[index] ?? aRun();
        const doubled = {
          ...history,
          runs: [...history.runs, { ...run, from: run.from + 0.5, until: run.until + 0.5 }],
        };
        expect(checkHistory(doubled)).toContainEqual(
          expect.objectContaining({ kind: 'two at one time', key: run.key }),
        );
        const unbilled = {
          ...history,
          endings: history.endings.map((ending) =>
            ending.key === run.key
              ? { ...ending, lines: ending.lines.filter(({ instance }) => instance !== run.instance) }
              : ending,
          ),
        };
        expect(checkHistory(unbilled)).toContainEqual(expect.objectContaining({ kind: 'not billed', key: run.key }));
        const again = {
          ...history,
          endings: history.endings.map((ending) =>
            ending.key === run.key ? { ...ending, lines: [...ending.lines, ...ending.lines] } : ending,
          ),
        };
        expect(checkHistory(again)).toContainEqual(expect.objectContaining({ kind: 'billed twice', key: run.key }));
      }),
    ));
});
