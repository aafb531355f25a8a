import { chmod, chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findFreePort } from '../process/free-port.js';
import { findProcesses, isAlive, programOf, signal, workingFolderOf } from '../process/process-table.js';
import { runCommand } from '../process/run-command.js';
import { type SecretNeed, keepSecret, lostSecret } from '../secret/kept-secret.js';
import { ensurePrivateFolder, randomPassword } from '../secret/secrets.js';
import { ServerProcess, type ProcessExit, logTail } from '../process/server-process.js';
import { SetupError, describeError, errorCode } from '../process/setup-error.js';
import { waitUntil } from '../process/wait.js';
import { type PostgresBinaries, findPostgres } from './postgres-binaries.js';
import { fitsSocket, majorVersion, postgresSettings } from './postgres-config.js';
import { type PostgresIdentity, choosePostgresIdentity } from './postgres-identity.js';

const SUPERUSER = 'fornax';

export interface StartPostgresOptions {
  /** Holds the cluster (in `cluster/`) and the log of the server. */
  readonly dataDir: string;
  /** Where the password is kept; `password` inside `dataDir` unless told. */
  readonly secretsFile?: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Database that the url names, created when missing. Default `fornax`. */
  readonly database?: string;
  /** false only where the data may be lost, as in tests. Default true. */
  readonly durable?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly readyTimeoutMs?: number;
  /** Told before a step that may take more than two seconds. */
  readonly onProgress?: (message: string) => void;
}

export interface PostgresServer {
  /** With user and password, ready to connect to the database asked for. */
  readonly url: string;
  /**
   * The same by the server's socket, where it has one: a statement costs both sides a third less than by TCP. Only for processes of this machine
   * that may enter the data folder. The same as `url` where the path is too long or the file system knows no sockets.
   */
  readonly localUrl: string;
  readonly port: number;
  readonly pid: number;
  /** As the running server says, e.g. `18.4`. */
  readonly version: string;
  readonly logFile: string;
  /** Resolves when the postmaster has ended, however it ended. */
  readonly exited: Promise<ProcessExit>;
  /** The url of another database of this server. */
  urlOf(database: string): string;
  /** Creates a database if there is none of this name, optionally as a copy of another; returns its url. */
  createDatabase(name: string, template?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Ends the server with a fast shutdown: transactions are rolled back, data is flushed. Safe to repeat. */
  stop(): Promise<void>;
  /** Ends the postmaster as a crash would. */
  kill(): Promise<void>;
  /** Lets this process end while the server runs on. */
  unref(): void;
}

interface Cluster {
  readonly binaries: PostgresBinaries;
  readonly identity: PostgresIdentity;
  readonly folder: string;
  readonly password: string;
  readonly passwordFile: string;
  readonly logFile: string;
}

const commandOf = (identity: PostgresIdentity, program: string, args: readonly string[]) => {
  const [first = program, ...rest] = [...identity.command, program, ...args];
  return { program: first, args: rest };
};

/** Messages must stay in English: the start-up errors below are recognized by their words. */
const serverEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const inherited = Object.entries(env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', TZ: 'UTC' };
};

const readIfPresent = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

const initialize = async (cluster: Cluster, env: NodeJS.ProcessEnv, durable: boolean): Promise<void> => {
  const { folder, identity, binaries, password } = cluster;
  // Made beside its place and moved in when complete: a first start that is killed half way leaves nothing that looks valid.
  const draft = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  await rm(draft, { recursive: true, force: true });
  try {
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    await chownIfRoot(passwordFile, identity);
    const { program, args } = commandOf(identity, binaries.initdb, [
      `--pgdata=${draft}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ]);
    const made = await runCommand(program, args, { env: serverEnv(env), timeoutMs: 120_000, cwd: dirname(folder) });
    if (made.code !== 0)
      throw new SetupError(`PostgreSQL could not create its data folder: ${made.stderr.trim().slice(-800)}`);
    await rename(draft, folder);
  } finally {
    await rm(passwordFile, { force: true });
  }
};

const chownIfRoot = async (path: string, { owner }: PostgresIdentity): Promise<void> => {
  if (process.getuid?.() === 0) await chown(path, owner.uid, owner.gid);
};

const checkVersion = async ({ folder, binaries }: Pick<Cluster, 'folder' | 'binaries'>): Promise<boolean> => {
  const found = (await readIfPresent(join(folder, 'PG_VERSION')))?.trim();
  if (found === undefined) return false;
  const own = majorVersion((await runCommand(binaries.postgres, ['--version'], { timeoutMs: 10_000 })).stdout);
  if (found !== own) {
    throw new SetupError(
      `The database in ${folder} was made by PostgreSQL ${found}, but this is PostgreSQL ${own ?? 'of unknown version'}.`,
      'Start the release of Fornax that made it, or choose another data folder with FORNAX_DATA_DIR.',
    );
  }
  return true;
};

/**
 * Ends what an earlier postmaster on this folder left: a postmaster whose parent was killed, or children that outlive a killed
 * postmaster for a moment and keep its shared memory. Afterwards the lock file, if any, is stale and goes: in another user
 * namespace, or once its number was recycled, PostgreSQL could not tell.
 */
const endLeftovers = async ({ folder }: Cluster): Promise<void> => {
  const leftovers = findProcesses(
    (pid) => workingFolderOf(pid) === folder && (programOf(pid) ?? '').includes('postgres'),
  );
  for (const [name, timeoutMs] of [
    ['SIGINT', 3_000],
    ['SIGQUIT', 2_000],
    ['SIGKILL', 2_000],
  ] as const) {
    if (!leftovers.some(isAlive)) break;
    for (const leftover of leftovers) signal(leftover, name);
    await waitUntil(() => !leftovers.some(isAlive), { timeoutMs });
  }
  await rm(join(folder, 'postmaster.pid'), { force: true });
  for (const name of await readdir(dirname(folder)))
    if (name.startsWith('.s.PGSQL.')) await rm(join(dirname(folder), name), { force: true });
};

const clientConfig = (port: number, password: string, database: string): pg.ClientConfig => ({
  host: '127.0.0.1',
  port,
  user: SUPERUSER,
  password,
  database,
  connectionTimeoutMillis: 5_000,
});

const withClient = async <T>(config: pg.ClientConfig, use: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client(config);
  client.on('error', () => undefined); // the query that was under way rejects; nothing else to do
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

const versionSchema = (row: unknown): string =>
  typeof row === 'object' && row !== null && 'server_version' in row ? String(row.server_version) : 'unknown';

const INVALID_PASSWORD = '28P01';

/** The password is in the cluster: without it nobody is let in. */
const needOf = (folder: string): SecretNeed => ({
  neededBy: `the database in ${folder}`,
  otherwise:
    'Without a copy, move the folder postgres out of the data folder: what it holds is built again from the event log and from the files of objects.',
});

/** The version once the server accepts a connection, undefined while it does not. @throws SetupError it is up and refuses the password */
const probe = async (port: number, { password, passwordFile, folder }: Cluster): Promise<string | undefined> => {
  try {
    return await withClient(clientConfig(port, password, 'postgres'), async (client) =>
      versionSchema((await client.query('SHOW server_version')).rows[0]),
    );
  } catch (error) {
    if (errorCode(error) !== INVALID_PASSWORD) return undefined;
    throw lostSecret(passwordFile, 'holds another password than the database', needOf(folder));
  }
};

const STOP_STEPS = [
  { signal: 'SIGINT', graceMs: 3_000 },
  { signal: 'SIGQUIT', graceMs: 1_000 },
] as const;
const START_ATTEMPTS = 6;

/** Words of a server that cannot use its files: its control file, its log, its catalogs. */
const SAYS_DAMAGE =
  /PANIC|incorrect checksum|invalid page|could not (?:read|open) (?:file|block)|invalid (?:checkpoint|primary checkpoint)|corrupt|unexpected data beyond EOF/i;
/** Causes that leave the files whole. */
const SAYS_OTHERWISE = /No space left|Disk quota|Permission denied|Read-only file system|Too many open files/i;
const DAMAGED =
  'Its files are damaged: look at the disk, put a good copy of the folder postgres back, or move it out of the data folder and start: what it holds is ' +
  'built again from the event log and from the files of objects.';

interface Door {
  readonly port: number;
  readonly socketFolder?: string;
}

const launch = async (cluster: Cluster, options: StartPostgresOptions, door: Door) => {
  const { port } = door;
  const { env = process.env, durable = true, readyTimeoutMs = 120_000 } = options;
  await endLeftovers(cluster);
  const { program, args } = commandOf(cluster.identity, cluster.binaries.postgres, [
    '-D',
    cluster.folder,
    ...postgresSettings({ ...door, durable }),
  ]);
  const child = await ServerProcess.spawn(program, {
    args,
    env: serverEnv(env),
    cwd: cluster.folder,
    logFile: cluster.logFile,
  });
  let version: string | undefined;
  let refusal: unknown;
  const isSettled = async (): Promise<boolean> => {
    version = await probe(port, cluster).catch((error: unknown) => void (refusal = error));
    return child.exit !== undefined || version !== undefined || refusal !== undefined;
  };
  await waitUntil(isSettled, { timeoutMs: readyTimeoutMs });
  if (child.exit === undefined && version !== undefined) return { child, version };
  const isOurs = child.exit === undefined; // else another server on the port refused us
  await child.stop(STOP_STEPS);
  if (refusal !== undefined && isOurs) throw refusal;
  const said = logTail(cluster.logFile, 800);
  throw new SetupError(
    `PostgreSQL did not start (${JSON.stringify(child.exit)}): ${said}`,
    SAYS_DAMAGE.test(said) && !SAYS_OTHERWISE.test(said) ? DAMAGED : undefined,
  );
};

/** Passing troubles of a start: a port taken meanwhile, shared memory that dying children still hold. */
const isPassing = (error: unknown, isPortFixed: boolean): boolean => {
  const text = describeError(error);
  return (
    /pre-existing shared memory|still in use|lock file "postmaster.pid"/.test(text) ||
    (!isPortFixed && /in use/.test(text))
  );
};

/** The file system of the data folder knows no sockets, as some that are shared with another machine. */
const lacksSockets = (error: unknown): boolean => /Unix-domain socket/.test(describeError(error));

const chooseAndLaunch = async (cluster: Cluster, options: StartPostgresOptions) => {
  const fixedPort = options.port === undefined || options.port === 0 ? undefined : options.port;
  const home = dirname(cluster.folder);
  let socket = fitsSocket(home) ? { socketFolder: home } : {};
  for (let attempt = 1; ; attempt += 1) {
    const door: Door = { port: fixedPort ?? (await findFreePort()), ...socket };
    try {
      return { door, ...(await launch(cluster, options, door)) };
    } catch (error) {
      if (lacksSockets(error) && door.socketFolder !== undefined) socket = {};
      else if (attempt >= START_ATTEMPTS || !isPassing(error, fixedPort !== undefined)) throw error;
    }
  }
};

/**
 * Starts PostgreSQL on loopback TCP with a password, creating its data folder first when there is none, and resolves once it
 * answers. Works as root and as an ordinary user, and after a crash of any kind. The caller holds the folder's lock: a server
 * left behind on the same folder is ended.
 * @throws SetupError it does not start; the message says what to change or holds the end of its log
 */
export const startPostgres = async (options: StartPostgresOptions): Promise<PostgresServer> => {
  const { dataDir, database = 'fornax', durable = true, env = process.env, onProgress = () => undefined } = options;
  await ensurePrivateFolder(dataDir);
  const home = join(dataDir, 'server');
  const folder = join(home, 'cluster');
  await mkdir(home, { recursive: true });
  await chmod(home, 0o700);
  const binaries = await findPostgres();
  const identity = await choosePostgresIdentity(binaries.postgres, home);
  const isMade = await checkVersion({ folder, binaries });
  const passwordFile = options.secretsFile ?? join(dataDir, 'password');
  const password = await keepSecret(
    { path: passwordFile, create: randomPassword },
    isMade ? needOf(folder) : undefined,
  );
  const cluster = { binaries, identity, folder, password, passwordFile, logFile: join(dataDir, 'postgres.log') };
  if (!isMade) {
    onProgress('creating the database (a few seconds, once)');
    await initialize(cluster, env, durable);
  }
  const { child, door, version } = await chooseAndLaunch(cluster, options);
  const { port, socketFolder } = door;
  const urlOf = (name: string) => `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  const admin = clientConfig(port, password, 'postgres');
  const createDatabase = async (name: string, template = 'template1'): Promise<string> => {
    await withClient(admin, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
      if (rowCount !== 0) return;
      await client.query(
        `CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE ${client.escapeIdentifier(template)}`,
      );
    });
    return urlOf(name);
  };
  const dropDatabase = (name: string): Promise<void> =>
    withClient(admin, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
    });
  await createDatabase(database);
  return {
    url: urlOf(database),
    localUrl: urlOf(database) + (socketFolder === undefined ? '' : `?host=${encodeURIComponent(socketFolder)}`),
    port,
    pid: child.pid,
    version,
    logFile: cluster.logFile,
    exited: child.exited,
    urlOf,
    createDatabase,
    dropDatabase,
    stop: async () => void (await child.stop(STOP_STEPS)),
    kill: async () => void (await child.stop([])),
    unref: () => child.unref(),
  };
};
