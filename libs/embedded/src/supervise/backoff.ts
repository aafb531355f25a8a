/** A child that lived this long before it ended did not fail to start: its next restart is a first one again. */
export const HEALTHY_AFTER_MS = 30_000;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/** How long to wait before the restart after `failures` failures in a row (1 for the first), in milliseconds. */
export const restartDelayMs = (failures: number): number =>
  Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS);
