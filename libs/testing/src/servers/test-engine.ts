import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { logTail, ServerProcess, waitUntil } from '@fornax/embedded';

const run = promisify(execFile);
const UP_MS = 30_000;
/** No socket has a longer path. */
const FOLDER = join(tmpdir(), 'fx-eng-');

/** There is no engine on this machine, or not for this user: what needs one is not tried. Whatever else goes wrong is a failure. */
export class NoEngine extends Error {
  override readonly name = 'NoEngine';
}

export interface TestEngine {
  readonly socket: string;
  /** Loads the root file system of a tar archive as an image. @returns its id */
  load(tar: Buffer, name: string): Promise<string>;
  /** Ends the service at once: what runs in containers goes on. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
  /** Ends all containers and the service, and removes what both left. */
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const ask = (socketPath: string, method: string, path: string, body?: Buffer): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/x-tar', 'content-length': body.length } : {};
    const asked = request({ socketPath, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.once('error', reject);
    });
    asked.once('error', reject);
    asked.end(body);
  });

/**
 * Podman's service on a socket and with a storage of its own. What it is told beside is for machines where the kernel lets nobody raise limits, and those where
 * the groups of both versions are mounted, of which crun takes the wrong one: it does not see the other.
 */
const settings = (registries: readonly string[]) => ({
  'containers.conf': `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
`,
  'registries.conf': registries
    .map((url) => `[[registry]]\nlocation = "${new URL(url).host}"\ninsecure = true\n`)
    .join(''),
  'policy.json': JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
  // A device as vendors describe theirs: what a container gets of it is a folder.
  'cdi/fornax.json': JSON.stringify({
    cdiVersion: '0.3.0',
    kind: TEST_DEVICE.split('=')[0],
    devices: [
      {
        name: TEST_DEVICE.split('=')[1],
        containerEdits: { mounts: [{ hostPath: '/usr/share', containerPath: '/device-0', options: ['ro', 'rbind'] }] },
      },
    ],
  }),
});

/** By the interface for container devices; a container that has it has a folder `/device-0`. */
export const TEST_DEVICE = 'fornax.test/gpu=0';

/** Whether a container runs to its end, which says what this machine permits. @throws Error why not */
const tryOut = async (socket: string): Promise<void> => {
  const { status, text } = await ask(socket, 'GET', '/info');
  if (status !== 200) throw new Error(`the engine says ${status}: ${text}`);
};

export interface TestEngineOptions {
  /** Its storage is in memory, of this size, and empty after each of its starts; absent: it is on the disk. */
  readonly storageBytes?: number;
}

/** @param registries that it may ask without encryption @throws NoEngine there is none here; Error it does not come up */
export const startTestEngine = async (
  registries: readonly string[] = [],
  { storageBytes }: TestEngineOptions = {},
): Promise<TestEngine> => {
  if (process.getuid?.() !== 0) throw new NoEngine('an engine of its own is for a run that is root');
  await run('podman', ['--version']).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new NoEngine('podman is not on PATH');
    throw error;
  });
  const home = await mkdtemp(FOLDER);
  const socket = join(home, 's');
  const logFile = join(home, 'log');
  for (const name of ['tmp', 'cdi', 'root']) await mkdir(join(home, name));
  for (const [name, text] of Object.entries(settings(registries))) await writeFile(join(home, name), text);
  const places = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--tmpdir', join(home, 'tmp')];
  const small = storageBytes === undefined ? '' : `mount -t tmpfs -o size=${storageBytes} fornax-test "$HOME/root"; `;
  const hide =
    small +
    'mountpoint -q /sys/fs/cgroup/unified && umount -l /sys/fs/cgroup/unified; mkdir -p /run/cdi && mount --bind "$HOME/cdi" /run/cdi; exec "$@"';
  const serve = [
    'podman',
    ...places,
    '--storage-driver',
    'overlay',
    'system',
    'service',
    '--time=0',
    `unix://${socket}`,
  ];
  let service: ServerProcess | undefined;
  const start = async (): Promise<void> => {
    await rm(socket, { force: true });
    service = await ServerProcess.spawn('unshare', {
      args: ['--mount', '--propagation', 'slave', '--', 'sh', '-c', hide, 'sh', ...serve],
      env: {
        PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: home,
        TMPDIR: join(home, 'tmp'),
        CONTAINERS_CONF: join(home, 'containers.conf'),
        CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
      },
      logFile,
      // Where conmon leaves a mark when memory runs out.
      cwd: home,
    });
    const isUp = (): Promise<boolean> =>
      service?.exit !== undefined
        ? Promise.resolve(true)
        : ask(socket, 'GET', '/_ping').then(
            ({ status }) => status === 200,
            () => false,
          );
    if (!(await waitUntil(isUp, { timeoutMs: UP_MS })) || service.exit !== undefined)
      throw new Error(`podman does not answer: ${logTail(logFile)}`);
  };
  const kill = async (): Promise<void> => {
    await service?.stop([{ signal: 'SIGKILL', graceMs: 5_000 }]);
    service = undefined;
  };
  const stop = async (): Promise<void> => {
    if (service) {
      const all = await ask(socket, 'GET', '/containers/json?all=true').catch(() => ({ text: '[]' }));
      for (const { Id } of JSON.parse(all.text) as readonly { readonly Id: string }[])
        await ask(socket, 'DELETE', `/containers/${Id}?force=true&v=true`).catch(() => undefined);
    }
    await kill();
    // What cleans up behind containers may still write there.
    await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const load = async (tar: Buffer, name: string): Promise<string> => {
    const path = `/v4.0.0/libpod/images/import?reference=${encodeURIComponent(name)}`;
    const { status, text } = await ask(socket, 'POST', path, tar);
    if (status !== 200) throw new Error(`the engine does not take the image (${status}): ${text}`);
    return (JSON.parse(text) as { readonly Id: string }).Id.replace(/^sha256:/, '');
  };
  try {
    await start();
    await tryOut(socket);
    return { socket, load, kill, start, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Says why what needs an engine is not tried. @throws what is no missing engine */
export const notTried = (error: unknown): void => {
  if (!(error instanceof NoEngine)) throw error;
  console.error(`NOT-TRIED-ON-AN-ENGINE: ${error.message}`);
};

/** The same, or undefined where this machine has none, which is said. @throws Error it does not come up */
export const testEngineHere = async (registries: readonly string[] = []): Promise<TestEngine | undefined> => {
  try {
    return await startTestEngine(registries);
  } catch (error) {
    notTried(error);
    return undefined;
  }
};
