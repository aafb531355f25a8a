import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { SetupError, describeError } from '../process/setup-error.js';
import { findFreePort } from '../process/free-port.js';
import { commandLineOf, findProcesses, isAlive, signal } from '../process/process-table.js';
import { renewableSecret } from '../secret/kept-secret.js';
import { ensurePrivateFolder, randomPassword, writePrivateFile } from '../secret/secrets.js';
import { ServerProcess, type ProcessExit, logTail } from '../process/server-process.js';
import { waitUntil } from '../process/wait.js';
import { moveStore } from './move-store.js';
import { type NatsLayout, type Principal, principalsOf } from './nats-accounts.js';
import { type AuthCallout, type NatsConfig, canSyncAlways, renderNatsConfig } from './nats-config.js';
import type { NatsBinary } from './nats-provision.js';
import { PROVISIONER_USER, SERVICES_USER, natsUsers, userNames, userOf } from './nats-users.js';
import { formatNatsVersion } from './nats-version.js';

export interface NatsCredentials {
  readonly user: string;
  readonly password: string;
}

export interface StartNatsOptions {
  readonly binary: NatsBinary;
  /** Holds the streams, the configuration and the log of the server. */
  readonly dataDir: string;
  /** Where the passwords are kept; `nats.json` inside `dataDir` unless told. */
  readonly secretsFile?: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** IP address to listen on; the loopback one unless told. */
  readonly host?: string;
  /** Who shares an account; default `open`: one user with all rights, and nodes. */
  readonly layout?: NatsLayout;
  /** Names of the nodes that get a user of their own, with the least rights. */
  readonly nodes?: readonly string[];
  /** Who decides about users that are not named here. Needs nats-server 2.10 or later. */
  readonly callout?: AuthCallout;
  readonly env?: NodeJS.ProcessEnv;
  readonly readyTimeoutMs?: number;
  /** Told what was wrong with the file of the passwords, in whose place there is a new one. */
  readonly onRenewed?: (flaw: string) => void;
}

export interface NatsServer {
  /** Without credentials, e.g. `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** As the running server says, e.g. `2.15.2`. */
  readonly version: string;
  /** What a person should know about this server, one sentence each; usually empty. */
  readonly warnings: readonly string[];
  readonly credentials: {
    /** Whoever makes the streams; in layout `open` the user of all services. */
    readonly log: NatsCredentials;
    /** By process; empty in layout `open`. */
    readonly services: Readonly<Partial<Record<Principal, NatsCredentials>>>;
    readonly nodes: Readonly<Record<string, NatsCredentials>>;
  };
  readonly logFile: string;
  /** Resolves when this server process has ended, however it ended. */
  readonly exited: Promise<ProcessExit>;
  /** Ends the server: streams are flushed and closed. Safe to repeat. */
  stop(): Promise<void>;
  /** Ends the server as a crash would. */
  kill(): Promise<void>;
}

const passwordsSchema = z.record(z.string(), z.string().min(1));

const parsePasswords = (text: string): Readonly<Record<string, string>> | undefined => {
  try {
    return passwordsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};

const flawOfPasswords = (text: string): string | undefined =>
  parsePasswords(text) === undefined ? 'holds no passwords by user' : undefined;

/** The server is told all passwords at each start, so new ones serve as well when the file is gone. */
const loadPasswords = async (
  path: string,
  names: readonly string[],
  onRenewed?: (flaw: string) => void,
): Promise<Readonly<Record<string, string>>> => {
  const stored =
    parsePasswords(await renewableSecret({ path, create: () => '{}', flawOf: flawOfPasswords }, onRenewed)) ?? {};
  const missing = names.filter((name) => stored[name] === undefined);
  if (missing.length === 0) return stored;
  const complete = { ...stored, ...Object.fromEntries(missing.map((name) => [name, randomPassword()])) };
  await writePrivateFile(path, `${JSON.stringify(complete, null, 2)}\n`);
  return complete;
};

/**
 * Ends a server that an earlier start left behind on the same folder, which it would otherwise share with ours: two servers
 * on one store corrupt it.
 */
const endLeftover = async (configFile: string): Promise<void> => {
  const leftovers = findProcesses((pid) => commandLineOf(pid).includes(configFile));
  for (const leftover of leftovers) signal(leftover, 'SIGTERM');
  if (await waitUntil(() => !leftovers.some(isAlive), { timeoutMs: 5_000 })) return;
  for (const leftover of leftovers) signal(leftover, 'SIGKILL');
  await waitUntil(() => !leftovers.some(isAlive), { timeoutMs: 2_000 });
};

/** Connects once and asks JetStream for its state; returns the version, or undefined while the server is not there yet. */
const probe = async (url: string, { user, password }: NatsCredentials): Promise<string | undefined> => {
  try {
    const connection = await connect({ servers: url, user, pass: password, reconnect: false, timeout: 2_000 });
    try {
      await connection.request('$JS.API.INFO', '', { timeout: 2_000 });
      return connection.info?.version;
    } finally {
      await connection.close();
    }
  } catch {
    return undefined;
  }
};

const STOP_STEPS = [{ signal: 'SIGTERM', graceMs: 3_500 }] as const;
const PORT_ATTEMPTS = 5;

/** Where this machine itself reaches a server that listens on `host`. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
};

type Accounts = Pick<NatsConfig, 'layout' | 'users' | 'callout'>;

const launch = async (options: StartNatsOptions, port: number, accounts: Accounts, prober: NatsCredentials) => {
  const { binary, dataDir, env = process.env, readyTimeoutMs = 60_000 } = options;
  const configFile = join(dataDir, 'nats.conf');
  const logFile = join(dataDir, 'nats.log');
  const storeDir = join(dataDir, 'store');
  await endLeftover(configFile);
  await moveStore(storeDir);
  await writePrivateFile(
    configFile,
    renderNatsConfig({ host: options.host ?? '127.0.0.1', port, storeDir, version: binary.version, ...accounts }),
  );
  const child = await ServerProcess.spawn(binary.path, { args: ['-c', configFile], env, cwd: dataDir, logFile });
  const { host = '127.0.0.1' } = options;
  const url = `nats://${reachable(host)}:${port}`;
  let version: string | undefined;
  const isReady = async () => child.exit !== undefined || (version = await probe(url, prober)) !== undefined;
  await waitUntil(isReady, { timeoutMs: readyTimeoutMs });
  if (child.exit === undefined && version !== undefined) return { child, url, version, logFile };
  await child.stop(STOP_STEPS);
  throw new SetupError(`nats-server did not start (${JSON.stringify(child.exit)}): ${logTail(logFile, 600)}`);
};

const chooseAndLaunch = async (options: StartNatsOptions, accounts: Accounts, prober: NatsCredentials) => {
  if (options.port !== undefined && options.port !== 0) {
    return { ...(await launch(options, options.port, accounts, prober)), port: options.port };
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await findFreePort();
    try {
      return { ...(await launch(options, port, accounts, prober)), port };
    } catch (error) {
      // Somebody may have taken the port between our question and the server's bind.
      if (attempt >= PORT_ATTEMPTS || !describeError(error).includes('address already in use')) throw error;
    }
  }
};

/**
 * Starts nats-server with JetStream on loopback, with accounts and a password for each service and each node, and resolves once it
 * answers. A server left behind on the same folder is ended first; the caller holds the folder's lock.
 * @throws SetupError it does not start; the message holds the end of its log
 */
export const startNats = async (options: StartNatsOptions): Promise<NatsServer> => {
  const { dataDir, layout = 'open', nodes = [], callout, binary } = options;
  await ensurePrivateFolder(dataDir);
  const secretsFile = options.secretsFile ?? join(dataDir, 'nats.json');
  const passwords = await loadPasswords(secretsFile, userNames(layout, nodes), options.onRenewed);
  const credentialsOf = (user: string): NatsCredentials => ({ user, password: passwords[user] ?? '' });
  const log = credentialsOf(layout === 'open' ? SERVICES_USER : PROVISIONER_USER);
  const users = natsUsers(layout, nodes, (user) => credentialsOf(user).password);
  const accounts: Accounts = { layout, users, ...(callout === undefined ? {} : { callout }) };
  const { child, url, version, logFile, port } = await chooseAndLaunch(options, accounts, log);
  const warnings = canSyncAlways(binary.version)
    ? []
    : [
        `nats-server ${formatNatsVersion(binary.version)} cannot flush to disk before it acknowledges (2.10 or later can): ` +
          'a power cut may lose up to two minutes of acknowledged work; a crash of the process loses nothing.',
      ];
  return {
    url,
    port,
    pid: child.pid,
    version,
    warnings,
    credentials: {
      log,
      services: Object.fromEntries(
        principalsOf(layout).map((principal) => [principal, credentialsOf(userOf(principal))]),
      ),
      nodes: Object.fromEntries(nodes.map((node) => [node, credentialsOf(node)])),
    },
    logFile,
    exited: child.exited,
    stop: async () => void (await child.stop(STOP_STEPS)),
    kill: async () => void (await child.stop([])),
  };
};
