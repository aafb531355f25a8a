import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort, logTail, ServerProcess, waitUntil } from '@fornax/embedded';
import { provideGoProgram, workspaceRoot } from '@fornax/testing';

const folder = join(workspaceRoot, 'infra/collector');
/** As shipped: what docker-compose.yml mounts. */
export const COLLECTOR_CONFIG = join(folder, 'config.yaml');
const source = join(folder, 'program');

/** The release of the collector that is built: the one that its go.mod names. @throws Error it names none */
export const collectorRelease = async (): Promise<string> => {
  const [, release] =
    /^\tgo\.opentelemetry\.io\/collector\/otelcol v(\S+)$/m.exec(await readFile(join(source, 'go.mod'), 'utf8')) ?? [];
  if (release === undefined) throw new Error('infra/collector/program/go.mod names no release of the collector');
  return release;
};

/** Builds the collector through Go, once. @throws Error it cannot be had */
const provideCollector = async (say?: (text: string) => void): Promise<string> =>
  provideGoProgram({
    name: 'otelcol',
    home: `otelcol-v${await collectorRelease()}`,
    say,
    build: async (go, half) => {
      await go(['build', '-mod=readonly', '-ldflags', '-s -w', '-o', join(half, 'otelcol'), '.'], source);
    },
  });

export interface RunningCollector {
  /** Where processes send what they have: FORNAX_OTLP_ENDPOINT. */
  readonly url: string;
  stop(): Promise<void>;
}

/** What a test sets besides: its receiver reads JSON, and no port is fixed. */
const OF_TESTS = ['yaml:exporters::otlp_http::encoding: json', 'yaml:service::telemetry::metrics::level: none'];

/** Runs the collector with its configuration as shipped, sending to a backend (the base URL of an OTLP/HTTP receiver). */
const startCollector = async (program: string, backend: string): Promise<RunningCollector> => {
  const home = await mkdtemp(join(tmpdir(), 'fornax-collector-'));
  const address = `127.0.0.1:${await findFreePort()}`;
  const logFile = join(home, 'collector.log');
  const server = await ServerProcess.spawn(program, {
    args: [COLLECTOR_CONFIG, ...OF_TESTS].flatMap((config) => ['--config', config]),
    env: {
      FORNAX_COLLECTOR_ADDRESS: address,
      FORNAX_COLLECTOR_EXPORTERS: '[debug, otlp_http]',
      FORNAX_COLLECTOR_BACKEND: backend,
    },
    logFile,
  });
  const stop = async (): Promise<void> => {
    await server.stop([
      { signal: 'SIGTERM', graceMs: 10_000 },
      { signal: 'SIGKILL', graceMs: 5_000 },
    ]);
    await rm(home, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  const answers = (): Promise<boolean> =>
    fetch(url).then(
      () => true,
      () => false,
    );
  const isOver = async (): Promise<boolean> => server.exit !== undefined || answers();
  if ((await waitUntil(isOver, { timeoutMs: 30_000 })) && server.exit === undefined) return { url, stop };
  const said = logTail(logFile);
  await stop();
  throw new Error(`the collector does not answer: ${said}`);
};

/** The collector in front of a backend; without, where it cannot be had, which tools/test.mjs says at its end. */
export const startCollectorIfThere = async (backend: string): Promise<RunningCollector | undefined> => {
  const say = (text: string): void => console.error(text);
  const program = await provideCollector(say).catch((error: unknown) => {
    // tools/test.mjs looks for this line.
    console.error(`NOT-TRIED-WITH-A-COLLECTOR: ${error instanceof Error ? error.message : String(error)}`);
  });
  return program === undefined ? undefined : startCollector(program, backend);
};
