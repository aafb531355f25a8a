import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this checkout. */
export const workspaceRoot = fileURLToPath(new URL('../../../../', import.meta.url));

/** Where built tools (a NATS server, a Python with the SDK) are kept between runs. */
export const toolsDir = (): string => process.env['FORNAX_TOOLS_DIR'] ?? join(workspaceRoot, '.fornax', 'tools');

export interface PlatformOptions {
  /** Settings beside the usual ones, e.g. `FORNAX_SERVICES`. */
  readonly env?: Readonly<Record<string, string>>;
  /** An earlier platform's folder, to continue with its data. A new one, removed at stop, when absent. */
  readonly dataDir?: string;
  /** What is waited for: that it is ready (default), or only that it answers, when it is not to become ready. */
  readonly awaits?: 'ready' | 'answers';
  /** For the Node.js that runs the launcher, before its program. */
  readonly nodeArgs?: readonly string[];
  /**
   * Puts the data folder on a file system of this size in memory, that only this platform sees (a mount namespace of its own) and that goes with
   * its last process. Needs root, as CI has.
   */
  readonly diskBytes?: number;
}

export interface RunningPlatform {
  /** Where the data folder is for the test: with `diskBytes` a path into the platform's mount namespace. */
  readonly dataDir: string;
  readonly apiUrl: string;
  readonly storageUrl: string;
  readonly token: string;
  /** What `source <data folder>/env` would set. */
  readonly clientEnv: Readonly<Record<string, string>>;
  readonly launcherPid: number;
  /** Pids of the parts by name, as they are now. */
  parts(): Promise<Readonly<Record<string, number>>>;
  /** What the launcher printed so far. */
  output(): string;
  /** Resolves with the exit code when the launcher is gone. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, waits for the end, removes the data folder if it was made here. */
  stop(): Promise<void>;
}

/** The variables of an `env` file of export lines. */
const parseEnvFile = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^export ([A-Z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replace(/^['"]|['"]$/g, ''),
    ]),
  );

const isGood = async (url: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<boolean> => {
  try {
    return (await fetch(url + path, { headers, signal: AbortSignal.timeout(2_000) })).status === 200;
  } catch {
    return false;
  }
};

/** Whether it is this platform that answers there: another one does not know its token. */
const knowsUs = (url: string, { QARNOT_CLIENT_TOKEN: authorization = '' }: Readonly<Record<string, string>>) =>
  isGood(url, '/info', { authorization });

/** A command that runs another one with a new file system in memory on a folder. @throws Error only root may mount one */
export const onDiskOfItsOwn = (folder: string, sizeBytes: number, command: readonly string[]): readonly string[] => {
  if (process.getuid?.() !== 0)
    throw new Error('this test mounts a file system of its own, which only root may: run it as root, as CI does');
  const mountAndRun = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && shift 2 && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', mountAndRun, 'sh', String(sizeBytes), folder, ...command];
};

/**
 * Starts the whole platform as `npm start` does, on free ports and without the sample, and waits until it is ready.
 * @throws Error with the launcher's output when it ends first or is not ready within two minutes
 */
export const startPlatform = async (options: PlatformOptions = {}): Promise<RunningPlatform> => {
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'fornax-platform-')));
  const node = join(workspaceRoot, 'node_modules', 'node', 'bin', 'node');
  const launcher = [node, ...(options.nodeArgs ?? []), join(workspaceRoot, 'apps/launcher/dist/main.js')];
  const [program = node, ...args] =
    options.diskBytes === undefined ? launcher : onDiskOfItsOwn(folder, options.diskBytes, launcher);
  const child = spawn(program, args, {
    cwd: workspaceRoot,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      FORNAX_DATA_DIR: folder,
      FORNAX_TOOLS_DIR: toolsDir(),
      FORNAX_PORT: '0',
      FORNAX_STORAGE_PORT: '0',
      FORNAX_SAMPLE: 'skip',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let ended = false;
  const exited = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      ended = true;
      resolve(code);
    }),
  );

  const dataDir = options.diskBytes === undefined ? folder : `/proc/${child.pid ?? 0}/root${folder}`;
  const readEnv = async (): Promise<Record<string, string>> => {
    try {
      return parseEnvFile(await readFile(join(dataDir, 'env'), 'utf8'));
    } catch {
      return {};
    }
  };
  const path = options.awaits === 'answers' ? '/health/live' : '/health/ready';
  const deadline = Date.now() + 120_000;
  let clientEnv: Record<string, string> = {};
  for (;;) {
    // A second start finds the env file of the first: only the runtime file's pid says that it is this one's.
    clientEnv = await readEnv();
    const runtime = await readRuntime(dataDir);
    const url = clientEnv['QARNOT_CLUSTER_URL'];
    const ours = runtime?.launcher === child.pid && url !== undefined;
    if (ours && (await isGood(url, path)) && (options.awaits === 'answers' || (await knowsUs(url, clientEnv)))) break;
    if (ended || Date.now() > deadline) {
      child.kill('SIGTERM');
      await exited;
      throw new Error(`the platform did not become ready:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  return {
    dataDir,
    apiUrl: clientEnv['QARNOT_CLUSTER_URL'] ?? '',
    storageUrl: clientEnv['QARNOT_STORAGE_URL'] ?? '',
    token: clientEnv['QARNOT_CLIENT_TOKEN'] ?? '',
    clientEnv,
    launcherPid: child.pid ?? 0,
    parts: async () => (await readRuntime(dataDir))?.pids ?? {},
    output: () => output,
    exited,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      if (options.dataDir === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
};

interface Runtime {
  readonly launcher: number;
  readonly pids: Readonly<Record<string, number>>;
}

const readRuntime = async (dataDir: string): Promise<Runtime | undefined> => {
  try {
    return JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as Runtime;
  } catch {
    return undefined;
  }
};
