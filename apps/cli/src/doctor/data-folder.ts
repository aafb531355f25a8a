import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { reach } from './reach.js';
import type { Finding } from './finding.js';

/** What a start wrote of itself: `<data>/runtime.json`. */
interface Run {
  readonly launcher: number;
  readonly api: { readonly url: string; readonly port: number };
  readonly storage: { readonly url: string; readonly port: number };
  readonly pids: Readonly<Record<string, number>>;
  readonly logs: Readonly<Record<string, string>>;
}

/** The data folder of a platform of this machine. */
export interface DataFolder {
  readonly path: string;
  readonly run: Run;
}

const isRun = (value: unknown): value is Run =>
  typeof value === 'object' &&
  value !== null &&
  ['launcher', 'api', 'storage', 'pids', 'logs'].every((name) => name in value);

/** @returns undefined where no platform was started from it */
export const dataFolderAt = async (path: string): Promise<DataFolder | undefined> => {
  const text = await readFile(join(path, 'runtime.json'), 'utf8').catch(() => '');
  try {
    const run: unknown = JSON.parse(text);
    return isRun(run) ? { path, run } : undefined;
  } catch {
    return undefined;
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

const END_CHARS = 20_000;

/** The last line of a log that tells of an error, without what machines read. */
const lastErrorIn = async (file: string): Promise<string | undefined> => {
  const lines = (await readFile(file, 'utf8').catch(() => '')).slice(-END_CHARS).split('\n');
  for (const line of lines.reverse())
    try {
      const told = JSON.parse(line) as { readonly level?: string; readonly msg?: string; readonly time?: string };
      if ((told.level === 'error' || told.level === 'fatal') && told.msg !== undefined)
        return `${told.time ?? ''} ${told.msg}`.trim();
    } catch {
      // Half a line, or that of a program of somebody else.
      if (/\b(ERR|FATAL|PANIC)\b/.test(line)) return line.trim();
    }
  return undefined;
};

const startOf = (path: string): string => `Start it: FORNAX_DATA_DIR=${path} npm start`;

/** Whether the processes of the last start are there; where they are not, what the logs say last. */
export const lookAtProcesses = async ({ path, run }: DataFolder): Promise<readonly Finding[]> => {
  const check = 'processes';
  const gone = Object.entries(run.pids).flatMap(([name, pid]) => (isAlive(pid) ? [] : [name]));
  const isUp = isAlive(run.launcher);
  if (isUp && gone.length === 0)
    return [{ check, verdict: 'ok', found: `all ${Object.keys(run.pids).length} parts of ${path} run` }];
  const errors = await Promise.all(
    (isUp ? gone : Object.keys(run.logs)).map(async (name) => {
      const file = run.logs[name];
      const error = file === undefined ? undefined : await lastErrorIn(file);
      return error === undefined ? [] : [`${name} said last: ${error} (${file ?? ''})`];
    }),
  );
  const found = isUp
    ? `of the platform in ${path} these parts are gone: ${gone.join(', ')}`
    : `the platform in ${path} does not run`;
  const way = isUp
    ? 'The launcher starts them again; where it does not, stop it (Ctrl-C) and start anew.'
    : startOf(path);
  return [{ check, verdict: 'problem', found, ways: [way, ...errors.flat()] }];
};

/** Whether the ports of a platform that does not run are free for its next start. */
export const lookAtFreePorts = async ({ run }: DataFolder): Promise<readonly Finding[]> => {
  if (isAlive(run.launcher)) return [];
  const ports = [
    [run.api.port, 'FORNAX_PORT'],
    [run.storage.port, 'FORNAX_STORAGE_PORT'],
  ] as const;
  const taken = await Promise.all(
    ports.map(async ([port, setting]) => ((await reach('127.0.0.1', port)) === 'listens' ? [[port, setting]] : [])),
  );
  const inUse = taken.flat();
  if (inUse.length === 0)
    return [
      { check: 'ports', verdict: 'ok', found: `${ports.map(([port]) => port).join(' and ')} are free for a start` },
    ];
  return inUse.map(([port, setting]) => ({
    check: 'ports',
    verdict: 'problem',
    found: `another program listens on port ${port}, so the platform cannot start there`,
    ways: [`End that program (ss -ltnp 'sport = :${port}' names it), or start with ${setting}=0 for any free port.`],
  }));
};

const LOW_BYTES = 200_000_000;
/** What a start needs, beside the mark below which writes are refused. */
const OF_START = 1.5;
const OF_WARNING = 5;
const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Room on the disk of the data folder. @param setting FORNAX_DISK_LOW_BYTES as it is here */
export const lookAtDisk = async (
  { path, run }: DataFolder,
  setting: string | undefined,
): Promise<readonly Finding[]> => {
  const check = 'disk';
  const low = setting !== undefined && /^\d+$/.test(setting) ? Number(setting) : LOW_BYTES;
  const room = await statfs(path).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  if (room === undefined) return [{ check, verdict: 'unknown', found: `the disk of ${path} cannot be measured` }];
  const needed = isAlive(run.launcher) ? low : low * OF_START;
  const found = `${gb(room)} are free on the disk of ${path}`;
  if (room >= low * OF_WARNING) return [{ check, verdict: 'ok', found }];
  const ways = [
    `Make room on it: fornax task list --state success --limit 20, fornax rm <bucket>/<folder>/, fornax storage usage.`,
    'Or move the data folder to a larger disk while the platform is stopped.',
  ];
  if (room >= needed)
    return [{ check, verdict: 'warning', found: `${found}; below ${gb(low)} writes are refused`, ways }];
  const what = isAlive(run.launcher) ? 'commands and uploads are refused' : 'it does not start';
  return [
    { check, verdict: 'problem', found: `${found}, and below ${gb(needed)} ${what} (FORNAX_DISK_LOW_BYTES)`, ways },
  ];
};

/** Whether the log's server flushes what it acknowledges; nothing of a server of somebody else. */
export const lookAtFlushing = async ({ path }: DataFolder): Promise<readonly Finding[]> => {
  const text = await readFile(join(path, 'nats', 'nats.conf'), 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  const check = 'log durability';
  if (/^\s*sync_interval:\s*"?always"?\s*$/m.test(text))
    return [{ check, verdict: 'ok', found: 'each commit is on the disk before it is acknowledged' }];
  return [
    {
      check,
      verdict: 'problem',
      found: 'the log is not flushed before commits are acknowledged: a power cut may lose up to two minutes of them',
      ways: [
        'Use nats-server 2.10 or later: name one in FORNAX_NATS_SERVER, or FORNAX_NATS_SOURCE=go; then start anew.',
      ],
    },
  ];
};
