import { wireDate, type WireJobGraph } from '@fornax/contracts';
import { decidedVerdictOf, forecastOf } from '@fornax/domain';
import { DEPENDENCY_STATES, outcomeOfState, type TaskInJob } from '@fornax/tasks';
import type { JobRow } from '../model/job-row.js';

/** A job's tasks, what they wait for, and which of them decide its end. @param now milliseconds */
export const jobGraph = (job: JobRow, tasks: readonly TaskInJob[], now: number): WireJobGraph => {
  const outcomes = new Map(tasks.map(({ taskId, state }) => [taskId, outcomeOfState(state)]));
  const { criticalPath, expectedEndAt } = forecastOf(
    tasks.map(({ dependencies, state, ...task }) => ({
      ...task,
      hasRun: state === 'Success' || state === 'Failure',
      waitsFor: dependencies.map(({ taskId }) => taskId),
    })),
    now,
  );
  const critical = new Set(criticalPath);
  return {
    uuid: job.job_id,
    name: job.name,
    state: job.state,
    tasks: tasks.map(({ taskId, name, state, createdAt, endedAt }) => ({
      uuid: taskId,
      name,
      state,
      creationDate: wireDate(createdAt),
      endDate: endedAt === null ? null : wireDate(endedAt),
      isCritical: critical.has(taskId),
    })),
    dependencies: tasks.flatMap(({ taskId: to, dependencies, facts }) =>
      dependencies.map((one) => ({
        from: one.taskId,
        to,
        on: [...one.on],
        each: one.each === true,
        state: DEPENDENCY_STATES[decidedVerdictOf(facts, one, outcomes.get(one.taskId))],
      })),
    ),
    criticalPath: [...criticalPath],
    expectedEnd: expectedEndAt === null ? null : wireDate(expectedEndAt),
  };
};

const COLORS: Readonly<Record<string, string>> = {
  Success: 'palegreen',
  Failure: 'lightcoral',
  Cancelled: 'lightgray',
  FullyExecuting: 'lightskyblue',
  PartiallyExecuting: 'lightskyblue',
};

/** Text between quotes of the DOT language. */
const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')}"`;

/** What stands beside an edge: ends other than success, and whether instances wait one by one. */
const labelOf = (on: readonly string[], each: boolean): string => {
  const isSuccess = on.length === 1 && on[0] === 'success';
  const ends = on.length > 2 ? 'any' : on.join(', ');
  return [...(each ? ['each'] : []), ...(isSuccess ? [] : [ends])].join(': ');
};

/** The graph in the DOT language of Graphviz: states by color, the critical path in bold. */
export const dotOf = ({ name, tasks, dependencies, criticalPath }: WireJobGraph): string => {
  const place = new Map(criticalPath.map((id, at) => [id, at]));
  const isCritical = (from: string, to: string): boolean => {
    const [before, behind] = [place.get(from), place.get(to)];
    return before !== undefined && behind === before + 1;
  };
  return [
    `digraph ${quoted(name)} {`,
    '  rankdir=LR;',
    '  node [shape=box, style=filled, fillcolor=white];',
    ...tasks.map(
      ({ uuid, name: label, state, isCritical: isBold }) =>
        `  ${quoted(uuid)} [label=${quoted(`${label} (${state})`)}, fillcolor=${COLORS[state] ?? 'white'}${isBold ? ', penwidth=2' : ''}];`,
    ),
    ...dependencies.map(({ from, to, on, each }) => {
      const label = labelOf(on, each);
      const styles = [
        ...(label === '' ? [] : [`label=${quoted(label)}`]),
        ...(isCritical(from, to) ? ['penwidth=2'] : []),
      ];
      return `  ${quoted(from)} -> ${quoted(to)}${styles.length > 0 ? ` [${styles.join(', ')}]` : ''};`;
    }),
    '}',
    '',
  ].join('\n');
};
