import { type BillFault, billFaults, sharedMoments } from '@fornax/domain';
import type { Ending, History, LedgerLine, Loss, Operation, Run } from './history.js';

/** What a history holds that no order of events allows. */
export interface Anomaly {
  readonly kind:
    | 'lost'
    | 'made twice'
    | 'made though refused'
    | 'not ended'
    | 'wrong end'
    | 'end not reported'
    | 'never run to its end'
    | 'two at one time'
    | 'run without a task'
    | 'still running'
    | BillFault['kind']
    | 'billed too long';
  readonly key: string;
  readonly detail: string;
}

/** Readings of the uptime have hundredths of a second: two runs that touch are no overlap. */
const TOUCH_SECONDS = 0.02;
const ENDED = ['Success', 'Failure', 'Cancelled'];

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};

/** Whether a moment is one of those that the log does not have any more. */
const isIn = (losses: readonly Loss[], at: number): boolean =>
  losses.some(({ from, until }) => at >= from && at <= until);

/**
 * How many tasks the answers to a submit allow: an unknown one may have been made or not, and a command is repeated only while it is unknown. An
 * acknowledgment counts for as long as nobody said that it is lost.
 */
const allowed = (
  submits: readonly Operation[],
  losses: readonly Loss[],
): { readonly least: number; readonly most: number } => ({
  least: submits.some(({ outcome, at }) => outcome === 'ok' && !isIn(losses, at)) ? 1 : 0,
  most: submits.some(({ outcome }) => outcome !== 'fail') ? 1 : 0,
});

const checkExistence = (
  key: string,
  submits: readonly Operation[],
  endings: readonly Ending[],
  losses: readonly Loss[],
): readonly Anomaly[] => {
  const { least, most } = allowed(submits, losses);
  if (endings.length < least) return [{ kind: 'lost', key, detail: 'its submit was acknowledged' }];
  if (endings.length <= most) return [];
  const detail = endings.map(({ uuid }) => uuid).join(', ');
  return [{ kind: most === 0 ? 'made though refused' : 'made twice', key, detail }];
};

/** Ends that the commands allow: an abort that may have come through may also have come too late. */
const endsOf = (aborts: readonly Operation[]): readonly string[] =>
  aborts.some(({ outcome }) => outcome !== 'fail') ? ['Success', 'Cancelled'] : ['Success'];

const checkEnd = (ending: Ending, aborts: readonly Operation[], runs: readonly Run[]): readonly Anomaly[] => {
  const { key, state, instances, completed } = ending;
  if (!ENDED.includes(state)) return [{ kind: 'not ended', key, detail: `it is ${state}` }];
  const anomalies: Anomaly[] = [];
  if (!endsOf(aborts).includes(state)) anomalies.push({ kind: 'wrong end', key, detail: `it is ${state}` });
  if (state !== 'Success') return anomalies;
  for (let instance = 0; instance < instances; instance += 1) {
    const told = completed.filter((done) => done === instance).length;
    if (told !== 1)
      anomalies.push({ kind: 'end not reported', key, detail: `instance ${instance} is listed ${told} times` });
    if (!runs.some((run) => run.instance === instance && run.isDone))
      anomalies.push({ kind: 'never run to its end', key, detail: `instance ${instance}` });
  }
  const strangers = completed.filter((done) => done >= instances);
  if (strangers.length > 0)
    anomalies.push({ kind: 'wrong end', key, detail: `instances ${strangers.join(', ')} do not exist` });
  return anomalies;
};

const interval = ({ from, until }: Pick<Run, 'from' | 'until'>): string => `${from.toFixed(2)} to ${until.toFixed(2)}`;

/** Runs of one task: no two of an instance share a moment. */
const checkAlone = (key: string, runs: readonly Run[]): readonly Anomaly[] =>
  sharedMoments(
    runs.map((run) => ({ ...run, instance: String(run.instance) })),
    TOUCH_SECONDS,
  ).map(([first, second]) => {
    const detail = `instance ${second.instance} ran from ${interval(first)} and from ${interval(second)} (uptime)`;
    return { kind: 'two at one time', key, detail };
  });

const checkBills = (ending: Ending, instance: number, runs: number, elapsedMs: number): readonly Anomaly[] => {
  const { key, state } = ending;
  const lines = ending.lines.filter((line) => line.instance === instance);
  const anomalies: Anomaly[] = billFaults(lines, { least: runs, isSuccess: state === 'Success' }).map(
    ({ kind, detail }) => ({ kind, key, detail: `instance ${instance}: ${detail}` }),
  );
  const longest = lines.reduce<LedgerLine | undefined>(
    (most, line) => (most && most.billedMs >= line.billedMs ? most : line),
    undefined,
  );
  if (longest && longest.billedMs > elapsedMs)
    anomalies.push({
      kind: 'billed too long',
      key,
      detail: `instance ${instance}: ${longest.billedMs} of ${Math.round(elapsedMs)} ms`,
    });
  return anomalies;
};

const checkTask = (
  ending: Ending,
  aborts: readonly Operation[],
  runs: readonly Run[],
  { losses, elapsedMs }: History,
): readonly Anomaly[] => {
  const { key } = ending;
  const anomalies = [...checkEnd(ending, aborts, runs), ...checkAlone(key, runs)];
  const instances = new Set([...runs, ...ending.lines].map(({ instance }) => instance));
  for (let instance = 0; instance < ending.instances; instance += 1) instances.add(instance);
  for (const instance of instances) {
    const own = runs.filter((run) => run.instance === instance);
    // What the log does not know any more is not billed.
    const known = own.filter(({ from }) => !isIn(losses, from)).length;
    anomalies.push(...checkBills(ending, instance, known, elapsedMs));
  }
  return anomalies;
};

/**
 * Looks for what no history of a platform may hold, in the manner of Jepsen's checkers: each command and its answer on one side, what was seen
 * of the effects on the other. No acknowledged submit is lost and no refused one is made; each task ends as its commands allow, each instance of it
 * reported once; no instance runs twice at one time; each run is billed exactly once. An unknown answer allows both. Of a loss that was said, what was
 * acknowledged and run in that time may be gone; never may anything run twice at one time, or be billed twice.
 * Take the history when nothing runs any more.
 */
export const checkHistory = (history: History): readonly Anomaly[] => {
  const { operations, runs, endings, losses } = history;
  const commands = groupBy(operations, ({ key }) => key);
  const seen = groupBy(runs, ({ key }) => key);
  const ended = groupBy(endings, ({ key }) => key);
  const anomalies: Anomaly[] = [];
  for (const key of new Set([...commands.keys(), ...seen.keys(), ...ended.keys()])) {
    const own = commands.get(key) ?? [];
    const submits = own.filter(({ kind }) => kind === 'submit');
    const aborts = own.filter(({ kind }) => kind === 'abort');
    const tasks = ended.get(key) ?? [];
    const ran = seen.get(key) ?? [];
    anomalies.push(...checkExistence(key, submits, tasks, losses));
    // Also where the submit itself is lost: what was run for it before is, too, and nothing is run for it afterwards.
    const stray = tasks.length === 0 ? ran.filter(({ from }) => !isIn(losses, from)).length : 0;
    if (stray > 0) anomalies.push({ kind: 'run without a task', key, detail: `${stray} runs` });
    const open = ran.filter(({ isOpen }) => isOpen).length;
    if (open > 0) anomalies.push({ kind: 'still running', key, detail: `${open} runs, and the task is over` });
    for (const task of tasks) anomalies.push(...checkTask(task, aborts, ran, history));
  }
  return anomalies;
};
