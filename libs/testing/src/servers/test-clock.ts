import { readFile, writeFile } from 'node:fs/promises';
import { eventually } from '../waiting/eventually.js';

/** The time of day of processes that a test starts. */
export interface TestClock {
  /** Arguments of Node before the program. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Sets the time of day of a process, milliseconds ahead of the true one; resolves once the process has it. */
  set(aheadMs: number, pid: number): Promise<void>;
}

/** @param file that does not exist yet; the processes read the difference from it */
export const testClock = (file: string): TestClock => ({
  args: ['--import', new URL('./shift-clock.mjs', import.meta.url).href],
  env: { FORNAX_TEST_CLOCK_FILE: file },
  set: async (aheadMs, pid) => {
    const text = `${aheadMs}\n`;
    await writeFile(file, text);
    await eventually(async () => (await readFile(`${file}.${pid}`, 'utf8')) === text, { timeoutMs: 30_000 });
  },
});
