import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TaskDependency, TaskOutcome } from '../task/dependencies.js';
import { emptyRanges, parseRanges, union, type Ranges } from '../shared/ranges.js';
import type { InstanceEnds } from '../task/instance-dependencies.js';
import { forecastOf, inOrder, repeatedOf, type ForecastTask, type RepeatableTask } from './job-shape.js';

const after = (taskId: string, on: readonly TaskOutcome[] = ['success']): TaskDependency => ({
  taskId,
  on,
  as: 'advancedDependsOn',
});
/** How instances ended, as ranges. */
const ends = (taskId: string, own: Partial<Record<TaskOutcome, string>>): InstanceEnds => {
  const of = (text = ''): Ranges => {
    const parsed = parseRanges(text);
    return 'ranges' in parsed ? parsed.ranges : emptyRanges;
  };
  const [success, failure, cancelled] = [of(own.success), of(own.failure), of(own.cancelled)];
  return { taskId, all: [success, failure, cancelled].reduce(union), success, failure, cancelled };
};
const ended = (taskId: string, outcome: TaskOutcome, own: Partial<RepeatableTask> = {}): RepeatableTask => ({
  taskId,
  outcome,
  instances: ends(taskId, { [outcome]: '0' }),
  couldNotStart: false,
  dependencies: [],
  ...own,
});

/** Nodes that wait only for those before them, in any order. */
const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 30 }).chain((lists) =>
  fc.shuffledSubarray(
    lists.map((list, index) => ({
      taskId: String(index),
      waitsFor: index === 0 ? [] : list.map((number) => String(number % index)),
    })),
    { minLength: lists.length },
  ),
);

describe('the order of a job', () => {
  it('has every task once, behind all that it waits for', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const place = new Map(inOrder(nodes).map(({ taskId }, at) => [taskId, at]));
        expect(place.size).toBe(nodes.length);
        for (const { taskId, waitsFor } of nodes)
          for (const id of waitsFor) expect(place.get(id)).toBeLessThan(place.get(taskId) ?? -1);
      }),
    );
  });

  it('leaves out what waits for itself', () => {
    const circle = [
      { taskId: 'a', waitsFor: ['b'] },
      { taskId: 'b', waitsFor: ['a'] },
      { taskId: 'c', waitsFor: [] },
    ];
    expect(inOrder(circle).map(({ taskId }) => taskId)).toEqual(['c']);
  });
});

describe('a forecast', () => {
  const task = (taskId: string, waitsFor: readonly string[], endedAt: number | null = null): ForecastTask => ({
    taskId,
    waitsFor,
    createdAt: 0,
    endedAt,
    hasRun: endedAt !== null,
  });

  it('adds the mean of what ran to the longest chain that is left', () => {
    const tasks = [task('a', [], 100), task('b', ['a'], 400), task('c', ['a']), task('d', ['c']), task('e', ['b'])];
    // a took 100 and b 300: 200 each. c ends at 300, but not before now; d 200 later.
    expect(forecastOf(tasks, 500)).toEqual({ criticalPath: ['a', 'c', 'd'], expectedEndAt: 700 });
  });

  it('knows no end before anything has run, yet the longest chain', () => {
    const tasks = [task('a', []), task('b', ['a']), task('c', ['b']), task('x', [])];
    expect(forecastOf(tasks, 0)).toEqual({ criticalPath: ['a', 'b', 'c'], expectedEndAt: null });
  });

  it('of a job that is over is its end', () => {
    expect(forecastOf([task('a', [], 5), task('b', ['a'], 9), task('c', [], 7)], 100)).toEqual({
      criticalPath: ['a', 'b'],
      expectedEndAt: 9,
    });
    expect(forecastOf([], 1)).toEqual({ criticalPath: [], expectedEndAt: null });
  });
});

describe('a job that runs again', () => {
  const broken = [
    ended('prepare', 'success'),
    ended('left', 'failure', { dependencies: [after('prepare')] }),
    ended('right', 'success', { dependencies: [after('prepare')] }),
    ended('join', 'cancelled', { couldNotStart: true, dependencies: [after('left'), after('right')] }),
    ended('aborted', 'cancelled'),
    ended('rescue', 'cancelled', { couldNotStart: true, dependencies: [after('right', ['failure'])] }),
    ended('behind', 'cancelled', { couldNotStart: true, dependencies: [after('rescue')] }),
  ];
  const again = (kind: Parameters<typeof repeatedOf>[0]) =>
    repeatedOf(kind, broken, new Map()).map(({ taskId, kind: how, dependencies }) => [
      taskId,
      how,
      dependencies.map(({ taskId: id }) => id),
    ]);

  it('runs what failed and what could not start because of it, in its shape', () => {
    expect(again('retry')).toEqual([
      ['left', 'retry', []],
      ['join', 'resume', ['left']],
    ]);
  });

  it('runs what was cancelled, where what it waits for ended as it was to', () => {
    expect(again('resume')).toEqual([['aborted', 'resume', []]]);
    expect(again('recover')).toEqual([
      ['aborted', 'recover', []],
      ['left', 'recover', []],
      ['join', 'recover', ['left']],
    ]);
  });

  it('is cloned whole', () => {
    const clone = again('clone');
    expect(clone).toHaveLength(broken.length);
    expect(clone).toContainEqual(['join', 'clone', ['left', 'right']]);
  });

  it('runs those instances again that failed, and those that waited for them one by one', () => {
    const each: TaskDependency = { ...after('first'), as: 'after', each: true };
    const array = [
      ended('first', 'failure', { instances: ends('first', { success: '0-1', failure: '2-3' }) }),
      ended('second', 'failure', {
        instances: ends('second', { success: '0', failure: '1', cancelled: '2-3' }),
        couldNotStart: true,
        dependencies: [each],
      }),
    ];
    const kinds = (kind: Parameters<typeof repeatedOf>[0], tasks = array) =>
      repeatedOf(kind, tasks, new Map()).map((one) => [one.taskId, one.kind, one.dependencies.length]);
    expect(kinds('retry')).toEqual([
      ['first', 'retry', 0],
      ['second', 'recover', 1],
    ]);
    // Instances 2 and 3 of the first one failed, and do not run again.
    expect(kinds('resume')).toEqual([]);
    const [first, second] = array;
    if (!first || !second) throw new Error('two tasks');
    const done = { ...first, outcome: 'success' as const, instances: ends('first', { success: '0-3' }) };
    expect(kinds('retry', [done, second])).toEqual([['second', 'recover', 0]]);
  });

  it('keeps what a clone waits for outside of it, and drops that of others once it has ended so', () => {
    const tasks = [ended('a', 'failure', { dependencies: [after('outside')] })];
    const ends = new Map([['outside', 'success' as const]]);
    expect(repeatedOf('clone', tasks, ends)[0]?.dependencies).toEqual([after('outside')]);
    expect(repeatedOf('retry', tasks, ends)[0]?.dependencies).toEqual([]);
    expect(repeatedOf('retry', tasks, new Map())).toEqual([]);
  });
});
