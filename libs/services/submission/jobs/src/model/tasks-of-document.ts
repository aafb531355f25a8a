import { MOST_CONSTANTS, type JobDocument, type JobDocumentTask, type TaskCreation } from '@fornax/contracts';
import { contradictionIn, inOrder, type TaskDependency, type TaskOutcome } from '@fornax/domain';
import { derivedIdInOrder, ValidationFailed } from '@fornax/base';
import type { BatchTask } from '@fornax/tasks';
import { unfoldedSizeErrors } from './unfolded-size.js';

const ANY: readonly TaskOutcome[] = ['success', 'failure', 'cancelled'];
/** As many instances as a task may have. */
const MAX_COMBINATIONS = 100_000;

type Errors = Record<string, string[]>;

/** The tasks that a document describes. */
export interface DocumentTasks {
  /** What is wrong with them by themselves or beside each other, by its field. */
  readonly wrong: Readonly<Record<string, readonly string[]>>;
  /** Under the id of their job. */
  readonly tasksOf: (jobId: string) => readonly BatchTask[];
}

interface Edge {
  /** Where the document says it. */
  readonly path: string;
  readonly at: number;
  readonly on: readonly TaskOutcome[];
  readonly each: boolean;
}

/** How many instances a task has. */
const instancesOf = ({ matrix = {}, instanceCount = 1 }: JobDocumentTask): number => {
  const columns = Object.values(matrix);
  return columns.length === 0 ? instanceCount : columns.reduce((product, values) => product * values.length, 1);
};

/** What each task waits for, by the places of the others. @param errors gets names that are there twice or not at all, circles, ends that exclude each other, and arrays of other sizes */
const edgesOf = (tasks: readonly JobDocumentTask[], errors: Errors): readonly (readonly Edge[])[] => {
  const places = new Map<string, number>();
  for (const [at, { name }] of tasks.entries()) {
    const before = places.get(name);
    if (before === undefined) places.set(name, at);
    else errors[`tasks[${at}].name`] = [`The task tasks[${before}] has this name as well.`];
  }
  const edges = tasks.map((own, at) =>
    (own.after ?? []).flatMap((one, index): readonly Edge[] => {
      const { task, on = 'success', each = false } = typeof one === 'string' ? { task: one } : one;
      const path = `tasks[${at}].after[${index}]`;
      const place = places.get(task);
      const other = tasks[place ?? -1];
      if (other && each && instancesOf(other) !== instancesOf(own))
        errors[`${path}.each`] = [
          `The task ${task} has ${instancesOf(other)} instances, and this one ${instancesOf(own)}: each waits for the one of its number.`,
        ];
      if (place !== undefined) return [{ path, at: place, on: on === 'any' ? ANY : [on], each }];
      errors[path] = [`There is no task ${task} in the document.`];
      return [];
    }),
  );
  for (const list of edges) {
    const excluded = list[contradictionIn(list.map(({ at, on, each }) => ({ taskId: String(at), on, each }))) ?? -1];
    if (excluded)
      errors[excluded.path] = [
        `The task ${tasks[excluded.at]?.name} is waited for more than once, and no end of it satisfies all.`,
      ];
  }
  const nodes = edges.map((list, at) => ({ taskId: String(at), waitsFor: list.map((edge) => String(edge.at)) }));
  const ordered = new Set(inOrder(nodes).map(({ taskId }) => taskId));
  const circular = nodes.find(({ taskId }) => !ordered.has(taskId));
  if (circular) errors[`tasks[${circular.taskId}].after`] = ['The tasks depend on each other in a circle.'];
  return edges;
};

/** Text as a field of CSV (RFC 4180). */
const field = (value: string): string => `"${value.replaceAll('"', '""')}"`;

/** The table that has a row for each combination. @param errors gets that there are too many */
const tableOf = (matrix: NonNullable<JobDocumentTask['matrix']>, path: string, errors: Errors): string | undefined => {
  const columns = Object.entries(matrix);
  if (columns.length === 0) return undefined;
  const count = columns.reduce((product, [, values]) => product * values.length, 1);
  if (count > MAX_COMBINATIONS) {
    errors[path] = [`There are ${count} combinations; a task has ${MAX_COMBINATIONS} instances at most.`];
    return undefined;
  }
  let rows: readonly string[] = [''];
  for (const [, values] of columns)
    rows = rows.flatMap((row) => values.map((value) => (row === '' ? field(value) : `${row},${field(value)}`)));
  return [columns.map(([name]) => field(name)).join(','), ...rows].join('\r\n');
};

const creationOf = (document: JobDocument, task: JobDocumentTask, path: string, errors: Errors): TaskCreation => {
  const { profile = 'docker-batch', environment = {}, resourceBuckets, resultBucket, project, pool } = document;
  const { command, environment: own = {}, matrix = {}, after: _after, maxParallel, ...creation } = task;
  const each = tableOf(matrix, `${path}.matrix`, errors);
  if (command !== undefined && Object.hasOwn(own, 'DOCKER_CMD'))
    errors[`${path}.environment.DOCKER_CMD`] = ['The command of the task is given as well: it is this constant.'];
  const constants = Object.entries({
    ...environment,
    ...own,
    ...(command === undefined ? {} : { DOCKER_CMD: command }),
  }).map(([key, value]) => ({ key, value }));
  if (constants.length > MOST_CONSTANTS)
    errors[`${path}.environment`] = [
      `With what is common to all tasks and its command, the task has ${constants.length} constants; a task has at most ${MOST_CONSTANTS}.`,
    ];
  return {
    ...(pool === undefined ? { profile } : { poolUuid: pool }),
    ...(resourceBuckets === undefined ? {} : { resourceBuckets }),
    ...(resultBucket === undefined ? {} : { resultBucket }),
    ...(project === undefined ? {} : { projectUuid: project }),
    ...creation,
    ...(each === undefined ? { instanceCount: creation.instanceCount ?? 1 } : {}),
    fornax: { ...(each === undefined ? {} : { each }), ...(maxParallel === undefined ? {} : { maxParallel }) },
    constants,
  };
};

/** What a document says of its tasks. @throws ValidationFailed they are too large to be looked at further */
export const tasksOfDocument = (document: JobDocument): DocumentTasks => {
  const errors: Errors = {};
  const edges = edgesOf(document.tasks, errors);
  const tooLarge = unfoldedSizeErrors(document);
  if (Object.keys(tooLarge).length > 0) throw new ValidationFailed({ ...errors, ...tooLarge });
  const creations = document.tasks.map((task, at) => creationOf(document, task, `tasks[${at}]`, errors));
  const tasksOf = (jobId: string): readonly BatchTask[] => {
    const idOf = (at: number): string => derivedIdInOrder(['task-of-job', jobId], at);
    return creations.map((creation, at) => ({
      taskId: idOf(at),
      creation,
      path: `tasks[${at}]`,
      dependencies: (edges[at] ?? []).map(({ at: other, on, each }): TaskDependency => {
        // The API knows dependencies of instances among those without a job alone.
        return each
          ? { taskId: idOf(other), on, as: 'after', each }
          : { taskId: idOf(other), on, as: 'advancedDependsOn' };
      }),
    }));
  };
  return { wrong: errors, tasksOf };
};
