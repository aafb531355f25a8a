import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QueueDeadlines } from './queue-deadlines.js';

const change = fc.record({
  taskId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  at: fc.option(fc.nat(50)),
  take: fc.option(fc.nat(50)),
});

describe('the deadlines of waiting tasks', () => {
  it('are those of a plain map, whatever is put and taken', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
        const deadlines = new QueueDeadlines();
        const model = new Map<string, number>();
        for (const { taskId, at, take } of changes) {
          deadlines.put(taskId, at);
          if (at === null) model.delete(taskId);
          else model.set(taskId, at);
          if (take !== null) {
            const due = [...model].filter(([, when]) => when <= take).map(([id]) => id);
            for (const id of due) model.delete(id);
            expect(
              deadlines
                .take(take)
                .map((due) => due.taskId)
                .sort(),
            ).toEqual(due.sort());
          }
          expect(deadlines.next()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        }
      }),
    );
  });

  it('stay few although tasks wait again and again', () => {
    const deadlines = new QueueDeadlines();
    for (let at = 0; at < 100_000; at += 1) deadlines.put(`task-${at % 10}`, at);
    expect(JSON.stringify(deadlines).length).toBeLessThan(100_000);
    expect(deadlines.take(99_990)).toEqual([{ taskId: 'task-0', at: 99_990 }]);
  });
});
