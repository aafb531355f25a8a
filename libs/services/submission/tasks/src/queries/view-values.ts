/** The clock ratio compares a node's speed with the reference hardware of its class; nodes report their true frequency, so it is 1. */
export const CLOCK_RATIO = 1;

/** Whole seconds, as clients with integers take them. */
export const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1_000));
export const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
