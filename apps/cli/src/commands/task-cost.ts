import type { TaskCost } from '@fornax/client';
import type { Command } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { renderTable } from '../terminal/table.js';

const MICROS = 1_000_000;
const amount = (micros: number): string => (micros / MICROS).toFixed(6);

const BASES = {
  progress: 'the progress that it tells',
  finished: 'what instances cost that have succeeded',
  'max-wall-time': 'the time after which its job ends it',
} as const;
const WHY_NOT = {
  over: 'nothing of it is left to run',
  'in-pool': 'it runs in a pool, whose slots are billed',
  'unknown-length':
    'nothing tells how long it takes: no instance has succeeded, none tells its progress, and no job ends it',
} as const;

type Basis = keyof typeof BASES;
// The keys of the record are all there are.
const ALL = Object.keys(BASES) as readonly Basis[];

const forecastLines = ({ forecast, noForecast, currency }: TaskCost): readonly string[] => {
  if (!forecast) return [`at its end: not known, ${noForecast === null ? 'for no reason' : WHY_NOT[noForecast]}`];
  const { lowMicros, highMicros, running, waiting, waitingBasis } = forecast;
  return [
    `at its end: ${amount(lowMicros)} to ${amount(highMicros)} ${currency}`,
    ...ALL.filter((basis) => (running[basis] ?? 0) > 0).map(
      (basis) => `  ${running[basis]} running, by ${BASES[basis]}`,
    ),
    ...(waitingBasis === null ? [] : [`  ${waiting} waiting, by ${BASES[waitingBasis]}`]),
  ];
};

const elsewhere = ({ whatIf }: TaskCost): readonly string[] => {
  const rows = whatIf.map(({ plan, hardware, micros, isOwn }) => [
    plan,
    hardware === null ? 'any, by work' : hardware === '' ? 'other' : harmlessLine(hardware),
    micros === null ? 'no price' : amount(micros),
    isOwn ? 'as it was' : '',
  ]);
  return rows.length === 0 ? [] : [renderTable([['PLAN', 'HARDWARE', 'AMOUNT', ''], ...rows])];
};

const show = async (io: Io, id: string, json: boolean): Promise<void> => {
  const cost = await io.client().billing.taskCost(id);
  if (json) return io.document(cost);
  const { totalMicros, running, currency } = cost;
  const runs = running.attempts === 0 ? '' : `, of that ${amount(running.micros)} of ${running.attempts} that run`;
  io.print(`until now: ${amount(totalMicros)} ${currency}${runs}`);
  for (const line of [...forecastLines(cost), ...elsewhere(cost)]) io.print(line);
};

/** `fornax task cost`. */
export const addTaskCostCommand = (task: Command, io: Io): void => {
  task
    .command('cost <task>')
    .description('what a task has cost, what it will, and what it would have under other plans and on other hardware')
    .option('--json', 'all of it, as JSON')
    .action((id: string, { json }: { readonly json?: boolean }) => show(io, id, json ?? false));
};
