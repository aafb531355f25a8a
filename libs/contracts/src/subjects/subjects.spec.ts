import { describe, expect, it } from '@jest/globals';
import { logSubject, nodeLogsSubject, parseLogSubject, taskLogsSubject, unnamedTaskLogsSubject } from './subjects.js';

describe('the subject of output', () => {
  it('names the node first, so that a node may write below its own name alone', () => {
    expect(logSubject('node-1', 'task', 3, 'stdout')).toBe('fx.log.node-1.task.3.stdout');
    expect(nodeLogsSubject('node-1')).toBe('fx.log.node-1.>');
    expect(taskLogsSubject('task')).toBe('fx.log.*.task.*.*');
  });

  it('is read back, whatever characters the names have', () => {
    const place = { nodeId: 'a.b*c >', taskId: 'd é.>', instance: 2_147_483_647, stream: 'stderr' } as const;
    const subject = logSubject(place.nodeId, place.taskId, place.instance, place.stream);
    expect(subject.split('.')).toHaveLength(6);
    expect(parseLogSubject(subject)).toEqual(place);
  });

  it('of an earlier version is read, without a node', () => {
    expect(parseLogSubject('fx.log.task.0.stdout')).toEqual({
      nodeId: undefined,
      taskId: 'task',
      instance: 0,
      stream: 'stdout',
    });
    expect(unnamedTaskLogsSubject('task')).toBe('fx.log.task.*.*');
  });

  it.each([
    'fx.log.node.task.0.stdout.more',
    'fx.log.0.stdout',
    'fx.log.task.0.stdin',
    'fx.log.node.task.-1.stdout',
    'fx.log.node.task.1e3.stdout',
    'fx.log.node.task.0x1.stdout',
    'fx.log.node.task.12345678901.stdout',
    'fx.log.node.%zz.0.stdout',
    'fx.log.%zz.task.0.stdout',
  ])('is not %s', (subject) => expect(parseLogSubject(subject)).toBeUndefined());
});
