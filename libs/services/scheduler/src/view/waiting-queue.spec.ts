import { describe, expect, it } from '@jest/globals';
import { rangesOf, type QueueEntry } from '@fornax/domain';
import { WaitingQueue } from './waiting-queue.js';

const entry = (taskId: string, order: number, overrides: Partial<QueueEntry> = {}): QueueEntry => ({
  taskId,
  order,
  owner: 'ada',
  plan: 'flex',
  request: { cores: 1, memoryMB: 256 },
  constraints: [],
  waiting: rangesOf(4),
  ...overrides,
});
const nobody = (_taskId: string): boolean => false;
const front = (queue: WaitingQueue, instances: number, isLeftOut = nobody): readonly string[] =>
  queue.front(instances, isLeftOut).flatMap(({ entries }) => entries.map(({ taskId }) => taskId));

describe('the waiting queue', () => {
  it('shows only as much of a class as a round could place', () => {
    const queue = new WaitingQueue();
    for (let order = 1; order <= 100; order += 1) queue.put(entry(`task-${order}`, order));
    expect(front(queue, 10)).toEqual(['task-1', 'task-2', 'task-3']);
  });

  it('shows the front of every class, so that a class that cannot run hides no other', () => {
    const queue = new WaitingQueue();
    queue.put(entry('large', 1, { request: { cores: 64, memoryMB: 1 } }));
    queue.put(entry('small', 2));
    queue.put(entry('other-owner', 3, { owner: 'grace' }));
    expect(front(queue, 1)).toEqual(['large', 'small', 'other-owner']);
  });

  it('puts a task that waits again back to where its submission was', () => {
    const queue = new WaitingQueue();
    queue.put(entry('second', 2));
    queue.put(entry('third', 3));
    queue.put(entry('first', 1));
    expect(front(queue, 100)).toEqual(['first', 'second', 'third']);
  });

  it('passes over tasks that are left out', () => {
    const queue = new WaitingQueue();
    queue.put(entry('busy', 1));
    queue.put(entry('idle', 2));
    expect(front(queue, 4, (taskId) => taskId === 'busy')).toEqual(['idle']);
  });

  it('counts the instances that wait', () => {
    const queue = new WaitingQueue();
    queue.put(entry('a', 1));
    queue.put(entry('b', 2));
    queue.put(entry('a', 1, { waiting: rangesOf(1) }));
    queue.delete('b');
    queue.delete('b');
    expect({ instances: queue.waitingInstances, tasks: queue.size }).toEqual({ instances: 1, tasks: 1 });
  });
});
