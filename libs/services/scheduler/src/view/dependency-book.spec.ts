import { describe, expect, it } from '@jest/globals';
import { verdictOfAll, type TaskDependency, type TaskOutcome } from '@fornax/domain';
import fc from 'fast-check';
import { DependencyBook } from './dependency-book.js';

const on = (taskId: string, ...outcomes: readonly TaskOutcome[]): TaskDependency => ({
  taskId,
  on: outcomes.length > 0 ? outcomes : ['success'],
  as: 'dependsOn',
});

describe('the book of dependencies', () => {
  it('tells the dependants that an end decides, and those alone', () => {
    const book = new DependencyBook();
    book.hold('c', [on('a'), on('b')]);
    book.hold('d', [on('a')]);
    expect(book.ended('a', 'success')).toEqual([{ taskId: 'd', ends: [{ taskId: 'a', outcome: 'success' }] }]);
    expect(book.awaitedBy('c')).toEqual(['b']);
    expect(book.ended('b', 'success').map(({ taskId }) => taskId)).toEqual(['c']);
  });

  it('does not wait for the others once one has ended as it should not have', () => {
    const book = new DependencyBook();
    book.hold('c', [on('a'), on('b')]);
    expect(book.ended('a', 'failure')).toEqual([{ taskId: 'c', ends: [{ taskId: 'a', outcome: 'failure' }] }]);
  });

  it('keeps nothing of what does not wait any more', () => {
    const book = new DependencyBook();
    book.hold('c', [on('a'), on('b')]);
    book.release('c');
    expect([book.size, [...book.awaited()], book.ended('a', 'success')]).toEqual([0, [], []]);
  });

  it('decides each task exactly when its conditions are decided, whatever the order of the ends', () => {
    const outcome = fc.constantFrom<TaskOutcome>('success', 'failure', 'cancelled');
    const graph = fc.array(
      fc.uniqueArray(fc.record({ to: fc.nat(9), on: fc.subarray<TaskOutcome>(['success', 'failure', 'cancelled']) }), {
        minLength: 1,
        selector: ({ to }) => to,
      }),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(graph, fc.uniqueArray(fc.tuple(fc.nat(9), outcome), { selector: ([to]) => to }), (tasks, ends) => {
        const book = new DependencyBook();
        const lists = tasks.map((list) => list.map(({ to, on: outcomes }) => ({ ...on(`d${to}`), on: outcomes })));
        lists.forEach((list, index) => book.hold(`t${index}`, list));
        const known = new Map<string, TaskOutcome>();
        const settled = new Set<string>();
        for (const [to, end] of ends) {
          known.set(`d${to}`, end);
          for (const { taskId } of book.ended(`d${to}`, end)) {
            settled.add(taskId);
            book.release(taskId);
          }
          const expected = lists.flatMap((list, index) =>
            verdictOfAll(list, (id) => known.get(id)) === 'waiting' ? [] : [`t${index}`],
          );
          expect([...settled].sort()).toEqual(expected.sort());
        }
        expect(book.size).toBe(lists.length - settled.size);
      }),
    );
  });
});
