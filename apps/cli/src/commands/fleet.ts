import type { Command } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const MICROS = 1_000_000;

/** Lists the compute nodes. */
export const listNodes = async (io: Io): Promise<void> => {
  const fleet = await io.client().fleet.nodes();
  const rows = fleet.map(
    ({ id, status, driver, hardware, leases, lastHeartbeat, drain, diskFullSince, credential }) => [
      id,
      diskFullSince ? `${status}, disk full` : status,
      driver,
      hardware.cores,
      hardware.memoryMB,
      leases ?? '-',
      lastHeartbeat ?? '-',
      hardware.cpuModel,
      credential?.status ?? '-',
      drain?.reason ?? '-',
    ],
  );
  io.table([
    ['NODE', 'STATUS', 'DRIVER', 'CORES', 'MEMORY MB', 'LEASES', 'HEARD', 'CPU', 'ACCESS', 'DRAINED BECAUSE'],
    ...rows,
  ]);
  for (const { id, warnings } of fleet)
    for (const warning of warnings) io.print(`${harmlessLine(id)}: ${harmlessLine(warning)}`);
};

const bill = async (io: Io, task: string): Promise<void> => {
  const { lines, totalMicros, plan } = await io.client().bill(task);
  const rows = lines.map((line) => [
    line.instance,
    line.attempt,
    line.node,
    line.outcome,
    (line.billedMs / 1000).toFixed(1),
    line.cores,
    (line.amountMicros / MICROS).toFixed(6),
    line.rule,
    line.sequence,
  ]);
  io.table([['INSTANCE', 'ATTEMPT', 'NODE', 'OUTCOME', 'SECONDS', 'CORES', 'AMOUNT', 'RULE', 'EVENT'], ...rows]);
  io.print(`total ${(totalMicros / MICROS).toFixed(6)} ${lines[0]?.currency ?? 'EUR'}, plan ${plan}`);
};

/** `fornax nodes` and `fornax bill`. */
export const addFleetCommands = (program: Command, io: Io): void => {
  program
    .command('nodes')
    .description('compute nodes')
    .action(() => listNodes(io));
  program
    .command('bill <task>')
    .description('what a task costs, line by line')
    .action((task: string) => bill(io, task));
};
