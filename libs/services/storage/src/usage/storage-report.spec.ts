import { describe, expect, it } from '@jest/globals';
import { storageReport } from './storage-report.js';

const none = { objects: 0, bytes: 0 };

describe('what lies in object storage', () => {
  it('is counted once by bucket or task, and once by kind', () => {
    const report = storageReport(
      [
        { name: 'a', owner: 'ada', objects: 2, bytes: 10, uploads: { objects: 1, bytes: 5 } },
        { name: 'b', owner: 'bob', objects: 1, bytes: 1, uploads: none },
      ],
      [
        { taskId: 't1', area: 'staged', objects: 1, bytes: 3 },
        { taskId: 't2', area: 'output', objects: 1, bytes: 7 },
        { taskId: 't1', area: 'manifests', objects: 2, bytes: 2 },
      ],
    );
    expect(report.tasks).toEqual([
      { taskId: 't2', objects: 1, bytes: 7, staged: 0, manifests: 0, output: 7 },
      { taskId: 't1', objects: 3, bytes: 5, staged: 3, manifests: 2, output: 0 },
    ]);
    expect(report.total).toEqual({ objects: 8, bytes: 28 });
    const add = (rows: readonly { bytes: number }[]): number => rows.reduce((sum, { bytes }) => sum + bytes, 0);
    const uploads = report.buckets.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0);
    expect(add(report.kinds)).toBe(28);
    expect(add(report.buckets) + uploads + add(report.tasks) + report.moreTasks.bytes).toBe(28);
  });

  it('names the largest tasks and counts the others', () => {
    const held = Array.from({ length: 1_005 }, (_, at) => {
      return { taskId: `t${at}`, area: 'output' as const, objects: 1, bytes: at };
    });
    const { tasks, moreTasks } = storageReport([], held);
    expect([tasks.length, tasks[0]?.taskId, tasks.at(-1)?.bytes]).toEqual([1_000, 't1004', 5]);
    expect(moreTasks).toEqual({ tasks: 5, objects: 5, bytes: 10 });
  });
});
