import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { FornaxClient } from '@fornax/client';
import { type RunningPlatform, workspaceRoot } from '@fornax/testing';
import type { Typed } from '../nemesis/fault.js';

const TYPED_MS = 120_000;

/** Types `npx fornax …` where only the data folder says which platform is meant, as docs/how-to/recover.md does. */
export const typeFornax = (dataDir: string, words: readonly string[]): Promise<Typed> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', FORNAX_DATA_DIR: dataDir };
    const child = execFile(
      process.execPath,
      [join(workspaceRoot, 'apps/cli/bin/fornax.mjs'), ...words],
      { env, timeout: TYPED_MS },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });

/** All that /health tells an operator, in one line. */
export const healthOf = async ({ apiUrl, token }: RunningPlatform): Promise<string> => {
  const health = await new FornaxClient({ url: apiUrl, token, timeoutMs: 5_000 }).health();
  const stops = health.stops.map(({ name, message }) => `${name}: ${message}`);
  const reasons = [...health.reasons, ...health.degraded].map(({ name, reason }) => `${name}: ${reason}`);
  return [health.status, ...stops, ...reasons, ...health.warnings].join('; ');
};
