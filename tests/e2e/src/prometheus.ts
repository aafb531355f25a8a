import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort, logTail, ServerProcess, unpackPackage, waitUntil } from '@fornax/embedded';
import { toolsDir } from '@fornax/testing';

const run = promisify(execFile);

/** Unpacks Debian's Prometheus beside the other tools, once. @returns the folder with `prometheus` and `promtool` @throws Error it cannot be had */
export const providePrometheus = async (): Promise<string> => {
  const folder = join(toolsDir(), 'prometheus');
  const programs = join(folder, 'root/usr/bin');
  if (existsSync(join(programs, 'promtool'))) return programs;
  await mkdir(dirname(folder), { recursive: true });
  const made = await mkdtemp(`${folder}-`);
  const unpacked = await unpackPackage('prometheus', made, { env: process.env, onProgress: () => undefined });
  if ('reason' in unpacked) throw new Error(`no Prometheus: ${unpacked.reason}`);
  // Another run may have been as fast.
  await rename(made, folder).catch(() => rm(made, { recursive: true }));
  return programs;
};

/** Runs promtool. @returns what it printed @throws Error it found something wrong, which the message holds */
export const promtool = async (programs: string, folder: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await run(join(programs, 'promtool'), args, { cwd: folder });
  return stdout;
};

/** What of a platform is scraped. */
export interface Target {
  readonly job: string;
  /** `host:port`. */
  readonly address: string;
}

export interface Exemplar {
  readonly metric: string;
  readonly traceId: string;
  readonly spanId: string;
}

export interface RunningPrometheus {
  /** What an expression gives now: how many series. @throws Error Prometheus refuses the expression */
  countOf(expression: string): Promise<number>;
  /** The labels of the exemplars of the last hour, each with the name of its metric. @throws Error Prometheus refuses the expression */
  exemplarsOf(expression: string): Promise<readonly Exemplar[]>;
  stop(): Promise<void>;
}

interface FoundExemplars {
  readonly seriesLabels: { readonly __name__: string };
  readonly exemplars: readonly { readonly labels: { readonly trace_id: string; readonly span_id: string } }[];
}

const configOf = (targets: readonly Target[], rules: string): string =>
  [
    'global: { scrape_interval: 1s, evaluation_interval: 5s }',
    `rule_files: [${JSON.stringify(rules)}]`,
    'scrape_configs:',
    ...targets.flatMap(({ job, address }) => [
      `  - job_name: ${job}`,
      '    authorization: { type: Bearer, credentials_file: token }',
      `    static_configs: [{ targets: [${JSON.stringify(address)}] }]`,
    ]),
    '',
  ].join('\n');

/** Starts a Prometheus that scrapes these once a second, with the alerts of `rules` (a file). */
export const startPrometheus = async (
  programs: string,
  { targets, token, rules }: { targets: readonly Target[]; token: string; rules: string },
): Promise<RunningPrometheus> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-prometheus-'));
  await writeFile(join(folder, 'token'), token, { mode: 0o600 });
  await writeFile(join(folder, 'prometheus.yml'), configOf(targets, rules));
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, 'prometheus.log');
  const server = await ServerProcess.spawn(join(programs, 'prometheus'), {
    args: [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      '--enable-feature=exemplar-storage',
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    env: {},
    logFile,
  });
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true;
  if (!(await waitUntil(isReady, { timeoutMs: 30_000 })))
    throw new Error(`Prometheus is not ready: ${logTail(logFile)}`);
  const ask = async <T>(path: string, question: Readonly<Record<string, string>>): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(question) });
    const answer = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T };
    if (answer.status !== 'success') throw new Error(`${question['query']}: ${answer.error}`);
    return answer.data;
  };
  return {
    countOf: async (query) => (await ask<{ readonly result: readonly unknown[] }>('query', { query })).result.length,
    exemplarsOf: async (query) => {
      const now = Date.now() / 1_000;
      const question = { query, start: String(now - 3_600), end: String(now + 60) };
      const found = await ask<readonly FoundExemplars[]>('query_exemplars', question);
      return found.flatMap(({ seriesLabels, exemplars }) =>
        exemplars.map(({ labels }) => ({
          metric: seriesLabels.__name__,
          traceId: labels.trace_id,
          spanId: labels.span_id,
        })),
      );
    },
    stop: async () => {
      await server.stop([
        { signal: 'SIGTERM', graceMs: 10_000 },
        { signal: 'SIGKILL', graceMs: 5_000 },
      ]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
