import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorCode } from './error-code.js';
import { startTimeOf } from './proc.js';

/** The file that says which agent works in a folder: one alone, told by its process and when that began. */
export class AgentLock {
  readonly path: string;

  constructor(private readonly workDir: string) {
    this.path = join(workDir, 'agent.lock');
  }

  /** @returns what it wrote @throws Error another agent works here */
  async take(): Promise<string> {
    try {
      const [pid = '', startTime] = (await readFile(this.path, 'utf8')).split(' ');
      if (Number(pid) !== process.pid && startTime !== undefined && (await startTimeOf(Number(pid))) === startTime) {
        throw new Error(`another agent (process ${pid}) works in ${this.workDir}; give each its own FORNAX_NODE_DIR`);
      }
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
    const own = `${process.pid} ${(await startTimeOf(process.pid)) ?? ''}`;
    await writeFile(this.path, own);
    return own;
  }

  release(): Promise<void> {
    return rm(this.path, { force: true });
  }
}
