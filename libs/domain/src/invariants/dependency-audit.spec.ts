import { describe, expect, it } from '@jest/globals';
import {
  aFailure,
  aLease,
  anEnd,
  AT,
  concluded,
  dispatched,
  submitted,
  waitingCancelled,
  cancelRequested,
} from '../specs/facts.fixture.js';
import type { DependencyEnd, TaskDependency } from '../task/dependencies.js';
import type { TaskEvent, TaskSpec } from '../task/task.events.js';
import { LogAudit, type AuditFinding } from './log-audit.js';

const HOUR = 3_600_000;
type Of = readonly [taskId: string, event: TaskEvent];

/** What the audit finds in commits of one event each, numbered from 1. */
const auditOf = (...commits: readonly Of[]) => {
  const audit = new LogAudit();
  const found: AuditFinding[] = [];
  for (const [index, [aggregateId, event]] of commits.entries())
    found.push(...audit.fold({ sequence: index + 1, aggregate: 'task', aggregateId, at: AT, events: [event] }));
  return (now = AT) => [...found, ...audit.end(now)].map(({ kind, taskId, sequences }) => [kind, taskId, sequences]);
};
const after = (taskId: string, own: Partial<TaskDependency> = {}): TaskDependency => {
  return { taskId, on: ['success'], as: 'after', ...own };
};
const task = (taskId: string, spec: Partial<TaskSpec> = {}): Of => [
  taskId,
  submitted(taskId, { instances: '0', ...spec }),
];
const run = (taskId: string, instance = 0): readonly Of[] => [
  [taskId, dispatched(aLease(instance))],
  [taskId, concluded(anEnd(instance))],
];
const fulfilled = (taskId: string, ...ends: readonly DependencyEnd[]): Of => [
  taskId,
  { type: 'DependenciesFulfilled', ends, at: AT },
];
const released = (taskId: string, instances: string): Of => [taskId, { type: 'InstancesReleased', instances, at: AT }];
const ok = { taskId: 'a', outcome: 'success' } as const;

describe('the audit of dependencies', () => {
  const waits = task('b', { dependencies: [after('a')] });
  const each = { instances: '0-1', dependencies: [after('a', { each: true })] };

  it('finds nothing in lives that are right', () => {
    expect(auditOf(task('a'), waits, ...run('a'), fulfilled('b', ok), ...run('b'))(AT + HOUR)).toEqual([]);
    // It had ended before.
    expect(auditOf(task('a'), ...run('a'), waits, fulfilled('b', ok), ...run('b'))(AT + HOUR)).toEqual([]);
    const array = [task('a', { instances: '0-1' }), task('b', each), ...run('a'), released('b', '0'), ...run('b')];
    expect(auditOf(...array)(AT + HOUR)).toEqual([]);
    const failed: readonly Of[] = [
      ['a', dispatched(aLease(1))],
      ['a', concluded(aFailure(1))],
      ['b', { ...waitingCancelled('1'), because: { taskId: 'a', outcome: 'failure' } } as TaskEvent],
    ];
    expect(auditOf(...array, ...failed)(AT + HOUR)).toEqual([]);
  });

  it('finds a task that starts while it waits, or on an end that is none', () => {
    expect(auditOf(task('a'), waits, ...run('b'))()).toContainEqual(['started early', 'b', [3]]);
    expect(auditOf(task('a'), waits, fulfilled('b', ok))()).toEqual([['started early', 'b', [3]]]);
    const badly: readonly Of[] = [
      ['a', dispatched(aLease(0))],
      ['a', concluded(aFailure(0))],
    ];
    expect(auditOf(task('a'), waits, ...badly, fulfilled('b', ok))()).toEqual([['started early', 'b', [5]]]);
    expect(auditOf(task('a'), ...run('a'), waits, fulfilled('b'))()).toEqual([['started early', 'b', [5]]]);
  });

  it('finds an instance that starts, or is released, before the one of its number has ended so', () => {
    const array = [task('a', { instances: '0-1' }), task('b', each)];
    expect(auditOf(...array, ['b', dispatched(aLease(1))])()).toContainEqual(['started early', 'b', [3]]);
    expect(auditOf(...array, ...run('a'), released('b', '0-1'))()).toEqual([['started early', 'b', [5]]]);
  });

  it('finds an instance that is cancelled because of another one that did not end so', () => {
    const array = [task('a', { instances: '0-1' }), task('b', each)];
    const because = (instances: string, end: DependencyEnd): Of => {
      return ['b', { ...waitingCancelled(instances), because: end } as TaskEvent];
    };
    const failed = { taskId: 'a', outcome: 'failure' } as const;
    const badly: readonly Of[] = [
      ['a', dispatched(aLease(1))],
      ['a', concluded(aFailure(1))],
    ];
    expect(auditOf(...array, ...badly, because('1', failed))()).toEqual([]);
    expect(auditOf(...array, ...badly, because('0-1', failed))()).toEqual([['cancelled for nothing', 'b', [5]]]);
    expect(auditOf(...array, ...run('a'), because('0', failed))()).toEqual([['cancelled for nothing', 'b', [5]]]);
    expect(auditOf(...array, ...run('a'), because('0', ok))()).toEqual([['cancelled for nothing', 'b', [5]]]);
    const other = { taskId: 'c', outcome: 'failure' } as const;
    expect(auditOf(...array, because('0', other))()).toEqual([['cancelled for nothing', 'b', [3]]]);
  });

  it('finds what is released twice', () => {
    expect(auditOf(task('a'), waits, ...run('a'), fulfilled('b', ok), fulfilled('b', ok))()).toEqual([
      ['released twice', 'b', [6]],
    ]);
    const array = [task('a', { instances: '0-1' }), task('b', each), ...run('a')];
    expect(auditOf(...array, released('b', '0'), released('b', '0'))()).toEqual([['released twice', 'b', [6]]]);
  });

  it('finds what is forgotten, after the scheduler has had its time', () => {
    const whole = auditOf(task('a'), waits, ...run('a'));
    expect([whole(), whole(AT + HOUR)]).toEqual([[], [['forgotten', 'b', [2]]]]);
    const unmet = auditOf(
      task('a'),
      task('c'),
      task('b', { dependencies: [after('a'), after('c')] }),
      ['a', cancelRequested],
      ['a', waitingCancelled('0')],
    );
    expect(unmet(AT + HOUR)).toEqual([['forgotten', 'b', [3]]]);
    const array = auditOf(task('a', { instances: '0-1' }), task('b', each), ...run('a'));
    expect([array(), array(AT + HOUR)]).toEqual([[], [['forgotten', 'b', [2]]]]);
    expect(auditOf(task('a'), waits)(AT + HOUR)).toEqual([]);
  });

  it('finds more instances on nodes than may be', () => {
    const many = dispatched(aLease(0), aLease(1));
    expect(auditOf(task('a', { instances: '0-2', maxParallel: 1 }), ['a', many])()).toEqual([
      ['ran too many at once', 'a', [2]],
    ]);
  });
});
