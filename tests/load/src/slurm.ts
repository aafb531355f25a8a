import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { workspaceRoot } from '@fornax/testing/platform';
import type { Figure } from './report.js';

interface SlurmFigures {
  readonly version: string;
  readonly noopsPerSecond: number;
  readonly idleMs: Readonly<Record<'p50' | 'p95' | 'p99', number>>;
}

/**
 * Measures a Slurm that is started for it and removed again (`tests/load/slurm.mjs`).
 * @throws Error it could not be run; what is missing was printed
 */
export const measureSlurm = async (scale: number): Promise<SlurmFigures> => {
  const jobs = Math.round(600 * scale);
  const idle = Math.max(5, Math.round(40 * scale));
  const args = [join(workspaceRoot, 'tests/load/slurm.mjs'), '--json', '--jobs', `${jobs}`, '--idle', `${idle}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error('Slurm could not be measured: what is missing is said above');
  return JSON.parse(printed) as SlurmFigures;
};

/** Puts Slurm's figures beside ours, of one run: ours as parts of its own, and its own. */
export const slurmFigures = (
  { version, noopsPerSecond, idleMs }: SlurmFigures,
  ours: { readonly perSecond: number; readonly p50: number },
): readonly Figure[] => {
  const name = `${version}, 256 pretended processors, no sandbox`;
  return [
    { name: `${name}: no-op array jobs`, value: noopsPerSecond, unit: '/s' },
    { name: `${name}: idle submit to start, p50`, value: idleMs.p50, unit: 'ms' },
    { name: `${name}: idle submit to start, p95`, value: idleMs.p95, unit: 'ms' },
    { name: `${name}: idle submit to start, p99`, value: idleMs.p99, unit: 'ms' },
    {
      name: 'no-op instances end to end, beside Slurm',
      value: ours.perSecond,
      unit: '/s',
      floor: noopsPerSecond,
      floorName: 'jobs of Slurm',
    },
    {
      name: 'idle submit to start, p50, beside Slurm',
      value: ours.p50,
      unit: 'ms',
      floor: idleMs.p50,
      floorName: 'ms of Slurm',
    },
  ];
};
