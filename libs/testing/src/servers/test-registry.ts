import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ServerProcess, findFreePort, logTail, unpackPackage, waitUntil } from '@fornax/embedded';
import { toolsDir } from '../platform/running-platform.js';
import { oncePerRun, runFolder } from './run-folder.js';

const PROVISION_MS = 5 * 60_000;

/** A program of a package of Debian, unpacked once and kept with the other tools. @throws Error it cannot be had here */
const provideProgram = (name: string, place: string): Promise<string> =>
  oncePerRun(`program-${name}`, PROVISION_MS, async () => {
    const home = join(toolsDir(), `debian-${name}`);
    const program = join(home, basename(place));
    if (existsSync(program)) return program;
    await mkdir(toolsDir(), { recursive: true });
    const folder = await mkdtemp(join(toolsDir(), '.making-'));
    try {
      const unpacked = await unpackPackage(name, folder, { env: process.env, onProgress: () => undefined });
      if ('reason' in unpacked) throw new Error(unpacked.reason);
      await mkdir(home, { recursive: true });
      const beside = join(home, `.${process.pid}`);
      await cp(join(unpacked.root, place), beside);
      await rename(beside, program);
      return program;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/** A shell and the usual programs in one file that needs nothing of the machine. @throws Error it cannot be had here */
export const provideBusybox = (): Promise<string> => provideProgram('busybox-static', 'bin/busybox');

/** Who may log in to a registry that asks. */
export const REGISTRY_LOGIN = { user: 'tester', password: 'pass-of-tests' } as const;
const HTPASSWD = 'tester:$2b$04$EmVGEzmEmlASwbu08afC1O6WtNQu6i9MhoIQoE9J8YpC0ierqcS.e\n';

export interface TestRegistry {
  readonly url: string;
  /** Where it keeps what it has. */
  readonly folder: string;
  /** Paths that were asked for by GET and given, in their order. */
  given(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Debian's docker-registry on a folder of its own. @param isPrivate lets only `REGISTRY_LOGIN` in @throws Error it does not come up */
export const startTestRegistry = async (isPrivate = false): Promise<TestRegistry> => {
  const program = await provideProgram('docker-registry', 'usr/bin/docker-registry');
  const home = await mkdtemp(join(await runFolder(), 'registry-'));
  const folder = join(home, 'store');
  const address = `127.0.0.1:${await findFreePort()}`;
  const config = {
    version: 0.1,
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: folder } },
    http: { addr: address },
    ...(isPrivate ? { auth: { htpasswd: { realm: 'tests', path: join(home, 'htpasswd') } } } : {}),
  };
  await writeFile(join(home, 'htpasswd'), HTPASSWD);
  // JSON is YAML, too.
  await writeFile(join(home, 'config.yml'), JSON.stringify(config));
  const logFile = join(home, 'log');
  const registry = await ServerProcess.spawn(program, {
    args: ['serve', join(home, 'config.yml')],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    logFile,
  });
  const stop = async (): Promise<void> => {
    await registry.stop([{ signal: 'SIGTERM', graceMs: 5_000 }]);
    await rm(home, { recursive: true, force: true });
  };
  const url = `http://${address}`;
  const given = async (): Promise<readonly string[]> =>
    [...(await readFile(logFile, 'utf8')).matchAll(/"GET (\S+) HTTP\/[\d.]+" 200 /g)].map(([, path = '']) => path);
  const answers = (): Promise<boolean> =>
    fetch(`${url}/v2/`).then(
      () => true,
      () => false,
    );
  const isUp = async (): Promise<boolean> => registry.exit !== undefined || answers();
  if ((await waitUntil(isUp, { timeoutMs: 30_000 })) && registry.exit === undefined)
    return { url, folder, given, stop };
  const said = logTail(logFile);
  await stop();
  throw new Error(`docker-registry does not answer: ${said}`);
};

/** A layer as it goes into a registry; `digest` and `diffId` are told where it is to be damaged. */
export interface PushedLayer {
  readonly bytes: Buffer;
  readonly mediaType?: string;
  /** Of what it is without its compression. */
  readonly diffId: string;
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const authorization = (isPrivate: boolean): Record<string, string> =>
  isPrivate
    ? {
        authorization: `Basic ${Buffer.from(`${REGISTRY_LOGIN.user}:${REGISTRY_LOGIN.password}`).toString('base64')}`,
      }
    : {};

const answered = async (response: Response): Promise<Response> => {
  if (!response.ok) throw new Error(`the registry answered ${response.status}: ${await response.text()}`);
  return response;
};

const pushBlob = async (base: string, bytes: Buffer, headers: Record<string, string>): Promise<void> => {
  const begun = await answered(await fetch(`${base}/blobs/uploads/`, { method: 'POST', headers }));
  const place = new URL(begun.headers.get('location') ?? '', base);
  place.searchParams.set('digest', digestOf(bytes));
  const type = { 'content-type': 'application/octet-stream' };
  await answered(await fetch(place, { method: 'PUT', headers: { ...headers, ...type }, body: new Uint8Array(bytes) }));
};

/** Puts an image into a registry by its HTTP API. @returns the digest of its manifest */
export const pushImage = async (
  { url }: Pick<TestRegistry, 'url'>,
  name: { readonly repository: string; readonly tag: string; readonly isPrivate?: boolean },
  layers: readonly PushedLayer[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> => {
  const base = `${url}/v2/${name.repository}`;
  const headers = authorization(name.isPrivate ?? false);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: settings,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  for (const bytes of [config, ...layers.map((layer) => layer.bytes)]) await pushBlob(base, bytes, headers);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOf(config),
        size: config.length,
      },
      layers: layers.map((layer) => ({
        mediaType: layer.mediaType ?? 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(layer.bytes),
        size: layer.bytes.length,
      })),
    }),
  );
  await answered(
    await fetch(`${base}/manifests/${name.tag}`, {
      method: 'PUT',
      headers: { ...headers, 'content-type': mediaType },
      body: new Uint8Array(manifest),
    }),
  );
  return digestOf(manifest);
};
