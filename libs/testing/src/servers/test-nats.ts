import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import {
  NATS_SOURCES,
  type NatsBinary,
  type NatsCredentials,
  type NatsServer,
  provisionNats,
  startNats,
} from '@fornax/embedded';
import { toolsDir } from '../platform/running-platform.js';
import { oncePerRun, runFolder } from './run-folder.js';

export interface TestNats {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly version: string;
  /** Holds its streams (`store`), its configuration and its log. */
  readonly dataDir: string;
  /** Users with a node's rights, for the nodes that were asked for. */
  readonly nodes: Readonly<Record<string, NatsCredentials>>;
  /** Ends it in order. Safe to repeat; one that nobody stops goes with the run. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Lets it stand still, as a machine that swaps or sleeps does, until `resume`. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port with the same data, after `stop` or `kill`. */
  start(): Promise<void>;
}

export interface StartTestNatsOptions {
  readonly nodes?: readonly string[];
  /** Where the program comes from; default: what `npm start` would take. */
  readonly source?: 'auto' | 'path' | 'go' | 'debian';
}

/** The first run may have to build the server. */
const PROVISION_TIMEOUT_MS = 15 * 60_000;

/** `FORNAX_NATS_SOURCE`, as for `npm start`: so CI runs all tests on each kind of server. */
const defaultSource = (): NonNullable<StartTestNatsOptions['source']> =>
  NATS_SOURCES.find((known) => known === process.env['FORNAX_NATS_SOURCE']) ?? 'auto';

/** The program that `FORNAX_TEST_NATS_BINARY` or `FORNAX_NATS_SERVER` names, or what embedded provides, kept between runs. */
export const testNatsBinary = (
  source: NonNullable<StartTestNatsOptions['source']> = defaultSource(),
): Promise<NatsBinary> =>
  oncePerRun(`nats-binary-${source}`, PROVISION_TIMEOUT_MS, () => {
    const server =
      source === 'auto' ? (process.env['FORNAX_TEST_NATS_BINARY'] ?? process.env['FORNAX_NATS_SERVER']) : undefined;
    return provisionNats({ toolsDir: toolsDir(), source, ...(server === undefined ? {} : { server }) });
  });

/** A nats-server of one's own, with an empty store, on a free port. */
export const startTestNats = async (options: StartTestNatsOptions = {}): Promise<TestNats> => {
  const { nodes = [], source } = options;
  const binary = await testNatsBinary(source);
  const dataDir = await mkdtemp(join(await runFolder(), 'nats-'));
  let server: NatsServer = await startNats({ binary, dataDir, nodes });
  const { url, port, version, credentials } = server;
  return {
    url,
    version,
    dataDir,
    nodes: credentials.nodes,
    user: credentials.log.user,
    password: credentials.log.password,
    stop: () => server.stop(),
    kill: () => server.kill(),
    pause: () => void process.kill(server.pid, 'SIGSTOP'),
    resume: () => void process.kill(server.pid, 'SIGCONT'),
    start: async () => {
      server = await startNats({ binary, dataDir, nodes, port });
    },
  };
};
