import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { SetupError } from '../process/setup-error.js';
import { lastLine, runCommand } from '../process/run-command.js';
import { findOnPath, isExecutable } from '../process/find-program.js';
import { packageToolMissing, unpackPackage } from '../package/debian-package.js';
import {
  MINIMUM_NATS,
  type NatsVersion,
  PINNED_NATS,
  formatNatsVersion,
  isAtLeast,
  parseNatsVersion,
} from './nats-version.js';

/** Where the server may come from: `path` is FORNAX_NATS_SERVER or PATH, `go` a build, `debian` an unpacked package. */
export type NatsSource = 'path' | 'go' | 'debian';
export const NATS_SOURCES = ['auto', 'path', 'go', 'debian'] as const;

export interface NatsBinary {
  readonly path: string;
  readonly version: NatsVersion;
  readonly source: NatsSource;
}

export interface ProvisionOptions {
  /** Folder for what is built or unpacked; may be shared by several platforms at once. */
  readonly toolsDir: string;
  /** FORNAX_NATS_SOURCE. `auto` tries path, go, debian in this order. */
  readonly source?: (typeof NATS_SOURCES)[number];
  /** FORNAX_NATS_SERVER: this program and no other. */
  readonly server?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends a build or a download that is under way. */
  readonly signal?: AbortSignal;
  /** Told before a step that may take more than two seconds. */
  readonly onProgress?: (message: string) => void;
}

interface Context {
  readonly toolsDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (message: string) => void;
}

type Attempt = { readonly found: NatsBinary } | { readonly reason: string };

const PROGRESS_MS = 10_000;
const GO_BUILD_TIMEOUT_MS = 15 * 60_000;

/** Runs the candidate: a program that does not say its version is not a server we can trust. */
const inspect = async (path: string, source: NatsSource): Promise<Attempt> => {
  const result = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = result.code === 0 ? parseNatsVersion(result.stdout) : undefined;
  if (version === undefined)
    return { reason: `${path} does not run as a nats-server (${lastLine(result) || 'no version'})` };
  if (!isAtLeast(version, MINIMUM_NATS)) {
    return {
      reason: `${path} is version ${formatNatsVersion(version)}, needed is ${formatNatsVersion(MINIMUM_NATS)} or later`,
    };
  }
  return { found: { path, version, source } };
};

const fromPath = async ({ env }: Context): Promise<Attempt> => {
  const path = await findOnPath('nats-server', env);
  return path === undefined ? { reason: 'no nats-server on PATH' } : inspect(path, 'path');
};

/**
 * Runs `make` in a folder of its own and moves its product into place as one step, so that two platforms may do the same at
 * once and neither ever runs half a file.
 */
const install = async (
  target: string,
  source: NatsSource,
  { toolsDir }: Context,
  make: (folder: string) => Promise<{ readonly product: string } | { readonly reason: string }>,
): Promise<Attempt> => {
  await mkdir(join(target, '..'), { recursive: true });
  const folder = await mkdtemp(join(toolsDir, '.making-'));
  try {
    const made = await make(folder);
    if ('reason' in made) return made;
    const inspected = await inspect(made.product, source);
    if ('reason' in inspected) return inspected;
    await chmod(made.product, 0o755);
    await rename(made.product, target);
    return { found: { ...inspected.found, path: target } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const fromGo = async (context: Context): Promise<Attempt> => {
  const { toolsDir, env, signal, onProgress } = context;
  const target = join(toolsDir, 'nats', `go-${PINNED_NATS}-${arch()}`, 'nats-server');
  if (await isExecutable(target)) return inspect(target, 'go');
  const go =
    (await findOnPath('go', env)) ??
    ((await isExecutable('/usr/local/go/bin/go')) ? '/usr/local/go/bin/go' : undefined);
  if (go === undefined) return { reason: 'no Go toolchain on PATH' };
  onProgress(`building nats-server ${PINNED_NATS} with Go (about a minute, once)`);
  return install(target, 'go', context, async (folder) => {
    const built = await runCommand(go, ['install', `github.com/nats-io/nats-server/v2@v${PINNED_NATS}`], {
      cwd: folder,
      timeoutMs: GO_BUILD_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
      env: {
        // Go needs a home for its caches; a service account may have none.
        ...(env['HOME'] === undefined ? { GOPATH: join(toolsDir, 'go'), GOCACHE: join(toolsDir, 'go-build') } : {}),
        GOFLAGS: '-trimpath',
        CGO_ENABLED: '0',
        ...env,
        GOBIN: folder,
        GO111MODULE: 'on',
      },
    });
    return built.code === 0
      ? { product: join(folder, 'nats-server') }
      : { reason: `go install failed: ${lastLine(built)}` };
  });
};

const fromDebian = async (context: Context): Promise<Attempt> => {
  const { toolsDir, env, onProgress } = context;
  const target = join(toolsDir, 'nats', `debian-${arch()}`, 'nats-server');
  if (await isExecutable(target)) return inspect(target, 'debian');
  const lacking = await packageToolMissing(env);
  if (lacking !== undefined) return { reason: lacking };
  onProgress('downloading the nats-server package of this distribution (a few seconds, once)');
  return install(target, 'debian', context, async (folder) => {
    const unpacked = await unpackPackage('nats-server', folder, { env, onProgress });
    if ('reason' in unpacked) return unpacked;
    for (const place of ['usr/sbin', 'usr/bin']) {
      const product = join(unpacked.root, place, 'nats-server');
      if (await isExecutable(product)) return { product };
    }
    return { reason: 'the nats-server package holds no nats-server' };
  });
};

/** Tells every ten seconds that a long step goes on. */
const tellingTime = async <T>(what: string, onProgress: Context['onProgress'], step: () => Promise<T>): Promise<T> => {
  const startedAt = performance.now();
  const repeat = setInterval(
    () => onProgress(`still ${what}: ${Math.round((performance.now() - startedAt) / 1000)} s`),
    PROGRESS_MS,
  );
  try {
    return await step();
  } finally {
    clearInterval(repeat);
  }
};

const WAYS: Readonly<Record<NatsSource, (context: Context) => Promise<Attempt>>> = {
  path: fromPath,
  go: fromGo,
  debian: fromDebian,
};

/**
 * Finds a NATS server, or makes one: FORNAX_NATS_SERVER, else PATH, else a build of the pinned release with Go, else the
 * distribution's package unpacked. Nothing is installed system-wide. Safe to call from several processes at once.
 * @throws SetupError no way led to a server; the message says why for each way and what to install
 */
export const provisionNats = async (options: ProvisionOptions): Promise<NatsBinary> => {
  const { toolsDir, source = 'auto', server, env = process.env, signal, onProgress = () => undefined } = options;
  if (server !== undefined && server !== '') {
    const attempt = await inspect(server, 'path');
    if ('found' in attempt) return attempt.found;
    throw new SetupError(attempt.reason, 'Set FORNAX_NATS_SERVER to a nats-server program, or unset it.');
  }
  await mkdir(toolsDir, { recursive: true });
  const context: Context = { toolsDir, env, signal, onProgress };
  const order: readonly NatsSource[] = source === 'auto' ? ['path', 'go', 'debian'] : [source];
  const reasons: string[] = [];
  for (const way of order) {
    const attempt = await tellingTime('preparing nats-server', onProgress, () => WAYS[way](context));
    signal?.throwIfAborted();
    if ('found' in attempt) return attempt.found;
    reasons.push(attempt.reason);
  }
  throw new SetupError(
    `There is no NATS server to run: ${reasons.join('; ')}.`,
    `Install one of: Go 1.25 or later (https://go.dev/dl), the package "nats-server" of your distribution, or a nats-server ` +
      `${formatNatsVersion(MINIMUM_NATS)} or later whose path you put in FORNAX_NATS_SERVER; or point FORNAX_NATS_URL at a running server.`,
  );
};
