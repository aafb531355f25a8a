import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { workspaceRoot } from '@fornax/testing';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Types `npx fornax …` where only the data folder says which platform is meant. */
export const fornax = (dataDir: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', FORNAX_DATA_DIR: dataDir };
    const child = execFile(
      process.execPath,
      [join(workspaceRoot, 'apps/cli/bin/fornax.mjs'), ...args],
      { env },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
