import { readFileSync } from 'node:fs';

const HUNDREDTH_MS = 10;

/** @param text of /proc/uptime: seconds with two digits, then what the processors idled @returns milliseconds */
export const uptimeOf = (text: string): number => Number(text.split(' ')[0]?.replace('.', '')) * HUNDREDTH_MS;

/**
 * Milliseconds since this machine started, the time it slept included (CLOCK_BOOTTIME), in hundredths of a second.
 * Every process of the machine reads the same clock, a shell too; nobody sets it. `performance.now()` stands still while the machine sleeps,
 * and the leases of a node that slept are somebody else's all the same.
 */
export const uptimeMs = (): number => uptimeOf(readFileSync('/proc/uptime', 'utf8'));

/** For a shell, which compares whole numbers: hundredths of a second, rounded down. */
export const inHundredths = (ms: number): number => Math.floor(ms / HUNDREDTH_MS);
