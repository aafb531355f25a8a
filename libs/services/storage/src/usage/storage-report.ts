import type { WireStorageUsage } from '@fornax/contracts';
import type { Usage } from '@fornax/object-store';

/** A bucket with what lies in it. */
export interface BucketHeld extends Usage {
  readonly name: string;
  readonly owner: string;
  readonly uploads: Usage;
}

export type TaskArea = 'staged' | 'manifests' | 'output';

/** What lies in one area of the platform for one task. */
export interface TaskHeld extends Usage {
  readonly taskId: string;
  readonly area: TaskArea;
}

/** Tasks that are named. */
const MOST_TASKS = 1_000;
const nothing: Usage = { objects: 0, bytes: 0 };

const sum = (usages: readonly Usage[]): Usage =>
  usages.reduce((all, { objects, bytes }) => ({ objects: all.objects + objects, bytes: all.bytes + bytes }), nothing);
const counts = ({ objects, bytes }: Usage): Usage => ({ objects, bytes });

type TaskRow = WireStorageUsage['tasks'][number];

const byTask = (held: readonly TaskHeld[]): readonly TaskRow[] => {
  const rows = new Map<string, { -readonly [K in keyof TaskRow]: TaskRow[K] }>();
  for (const { taskId, area, objects, bytes } of held) {
    const row = rows.get(taskId) ?? { taskId, objects: 0, bytes: 0, staged: 0, manifests: 0, output: 0 };
    row.objects += objects;
    row.bytes += bytes;
    row[area] += bytes;
    rows.set(taskId, row);
  }
  return [...rows.values()].sort((a, b) => b.bytes - a.bytes || (a.taskId < b.taskId ? -1 : 1));
};

/** Adds up what lies in object storage: every object is in one bucket or of one task, and of one kind. */
export const storageReport = (buckets: readonly BucketHeld[], held: readonly TaskHeld[]): WireStorageUsage => {
  const tasks = byTask(held);
  const rest = tasks.slice(MOST_TASKS);
  const uploads = sum(buckets.map((bucket) => bucket.uploads));
  const ofArea = (wanted: TaskArea): Usage => sum(held.filter(({ area }) => area === wanted));
  const kinds = [
    { kind: 'objects' as const, ...sum(buckets) },
    { kind: 'uploads' as const, ...uploads },
    ...(['staged', 'manifests', 'output'] as const).map((kind) => ({ kind, ...ofArea(kind) })),
  ];
  return {
    buckets: buckets.map((bucket) => ({
      name: bucket.name,
      owner: bucket.owner,
      ...counts(bucket),
      uploadParts: bucket.uploads.objects,
      uploadBytes: bucket.uploads.bytes,
    })),
    tasks: tasks.slice(0, MOST_TASKS),
    moreTasks: { tasks: rest.length, ...sum(rest) },
    kinds,
    total: sum(kinds),
  };
};
