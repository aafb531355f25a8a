import type { Command } from 'commander';
import type { Io } from '../terminal/io.js';

const stand = async (io: Io): Promise<void> => {
  const { keyId, dataKeys, left } = await io.client().keys.stand();
  io.print(`The master key ${keyId} seals. ${left} of ${dataKeys} data keys are sealed by another one.`);
};

const rotate = async (io: Io): Promise<void> => {
  let [rotated, closed] = [0, 0];
  for await (const step of io.client().keys.rotate()) {
    rotated += step.rotated;
    closed += step.closed;
    io.print(`${step.dataKeys - step.left} of ${step.dataKeys} data keys are sealed by the master key ${step.keyId}`);
  }
  io.print(`${rotated} were rotated.`);
  if (closed === 0) return;
  io.print(`${closed} cannot be opened by any master key of the platform: give it theirs in FORNAX_MASTER_KEYS_READ.`);
  io.setExitCode(1);
};

/** `fornax keys …`, for operators. */
export const addKeyCommands = (program: Command, io: Io): void => {
  const keys = program.command('keys').description('the master key (operators)');
  keys
    .command('list')
    .description('the master key that seals, by its id, and how much another one has sealed')
    .action(() => stand(io));
  keys
    .command('rotate')
    .description('bring what is sealed to the newest master key; may be broken off and begun again')
    .action(() => rotate(io));
};
