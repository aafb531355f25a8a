/** Waiting alone, for programs that are to start fast: nothing else of base is loaded. */
export { Backoff, backoffMs, type BackoffBounds } from './time/backoff.js';
export { delay } from './time/delay.js';
