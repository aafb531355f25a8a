import { constants } from 'node:os';

/** Two numbers that the C library keeps for its threads come before it. */
const RTMIN = 34;
const LAST = 64;

// Some numbers have two names (SIGABRT is SIGIOT): the one that Node lists first is the one that people know.
const NAMED = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

/** Names a signal by its number, as `kill -l` does: `SIGABRT`, `SIGRTMIN+2`. What is no signal has no name. */
export const signalName = (number: number): string | undefined => {
  const name = NAMED.get(number);
  if (name !== undefined) return name;
  if (!Number.isInteger(number) || number < 1 || number > LAST) return undefined;
  if (number === LAST) return 'SIGRTMAX';
  if (number < RTMIN) return `signal ${number}`;
  return number === RTMIN ? 'SIGRTMIN' : `SIGRTMIN+${number - RTMIN}`;
};
