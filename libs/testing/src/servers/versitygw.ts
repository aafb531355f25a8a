import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ServerProcess, findFreePort, logTail, waitUntil } from '@fornax/embedded';
import { onDiskOfItsOwn } from '../platform/running-platform.js';
import { provideGoProgram, type Go } from './go-program.js';

/** The release of versitygw that suites and benchmarks run on. */
export const VERSITYGW = '1.8.0';
const MODULE = `github.com/versity/versitygw@v${VERSITYGW}`;

/** Replaces one place of a text. @throws Error it is not there exactly once: another release, whose source nobody looked at */
const edited = (text: string, place: string, replacement: string): string => {
  if (text.split(place).length !== 2)
    throw new Error(`this release of versitygw has no single ${JSON.stringify(place)}`);
  return text.replace(place, replacement);
};

/** Lines by which versitygw flushes an object's file before it gets its name, and the name's folder afterwards: what our local store does before it answers. */
const flushing = (source: string): string =>
  edited(
    edited(
      source,
      '\tprocdir, err := os.Open(procfddir)\n',
      '\tif err := tmp.f.Sync(); err != nil {\n\t\treturn fmt.Errorf("flush: %w", err)\n\t}\n\tprocdir, err := os.Open(procfddir)\n',
    ),
    'filepath.Base(objPath))\n\t\tdirf.Close()\n',
    'filepath.Base(objPath))\n\t\tif err == nil {\n\t\t\terr = dirf.Sync()\n\t\t}\n\t\tdirf.Close()\n',
  );

/** Its source with `flushing`, in a folder of its own: Go replaces no file below its module cache. */
const flushingSource = async (go: Go, folder: string): Promise<string> => {
  const { Dir } = JSON.parse(await go(['mod', 'download', '-json', MODULE], folder)) as { readonly Dir: string };
  const source = join(folder, 'source');
  await cp(Dir, source, { recursive: true });
  await promisify(execFile)('chmod', ['-R', 'u+w', source]);
  const file = join(source, 'backend', 'posix', 'with_otmpfile.go');
  await writeFile(file, flushing(await readFile(file, 'utf8')));
  return source;
};

export interface VersitygwOptions {
  /** Told before a step that takes minutes. */
  readonly say?: (text: string) => void;
  /** One that flushes what it stores before it answers, which no release does. */
  readonly isFlushing?: boolean;
}

/**
 * Finds versitygw: FORNAX_TEST_VERSITYGW, or a build of the pinned release through Go, made once and kept with the other tools. Safe in several processes
 * at once.
 * @throws Error there is neither
 */
export const provideVersitygw = async ({ say, isFlushing = false }: VersitygwOptions = {}): Promise<string> => {
  const given = process.env['FORNAX_TEST_VERSITYGW'];
  if (given !== undefined && !isFlushing) return given;
  const name = isFlushing ? 'versitygw-flushing' : 'versitygw';
  return provideGoProgram({
    name,
    home: `versitygw-v${VERSITYGW}`,
    say,
    build: async (go, half) => {
      if (isFlushing) await go(['build', '-o', join(half, name), './cmd/versitygw'], await flushingSource(go, half));
      else await go(['install', `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`], half);
    },
  });
};

/** An S3 server that is not ours, with keys that may do anything. */
export interface S3Service {
  readonly url: string;
  readonly pid: number;
  readonly keys: { readonly accessKey: string; readonly secretKey: string };
  /** Where it keeps objects, for the test: with a disk of its own a path into its mount namespace. */
  readonly folder: string;
  /** Ends it, and removes what it stored. */
  stop(): Promise<void>;
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

/**
 * Runs versitygw with its POSIX backend on a folder of its own on the disk of temporary files.
 * @param diskBytes puts the folder on a file system of that size in memory, which needs root
 * @param secretKey of its one user
 * @throws Error it does not come up
 */
export const startVersitygw = async (
  program: string,
  diskBytes?: number,
  secretKey = 'versity-secret',
): Promise<S3Service> => {
  const home = await mkdtemp(join(tmpdir(), 'fornax-versitygw-'));
  const folder = join(home, 'objects');
  await mkdir(folder);
  const keys = { accessKey: 'versity', secretKey };
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const logFile = join(home, 'log');
  // As our clients and those of the SDKs do, connections are kept.
  const command = [program, '--quiet', '--keep-alive', '--port', url.slice('http://'.length), 'posix', folder];
  const [first = program, ...args] = diskBytes === undefined ? command : onDiskOfItsOwn(folder, diskBytes, command);
  const gateway = await ServerProcess.spawn(first, {
    args,
    env: { ...process.env, ROOT_ACCESS_KEY_ID: keys.accessKey, ROOT_SECRET_ACCESS_KEY: keys.secretKey },
    logFile,
  });
  const stop = async (): Promise<void> => {
    await gateway.stop([{ signal: 'SIGTERM', graceMs: 5_000 }]);
    await rm(home, { recursive: true, force: true });
  };
  const isUp = async (): Promise<boolean> => gateway.exit !== undefined || answers(url);
  if ((await waitUntil(isUp, { timeoutMs: 60_000 })) && gateway.exit === undefined)
    return {
      url,
      keys,
      pid: gateway.pid,
      folder: diskBytes === undefined ? folder : `/proc/${gateway.pid}/root${folder}`,
      stop,
    };
  const said = logTail(logFile);
  await stop();
  throw new Error(`versitygw does not answer: ${said}`);
};

/** The same for a suite that does without it where it cannot be had, which tools/test.mjs says at its end. */
export const startVersitygwIfThere = async (secretKey?: string): Promise<S3Service | undefined> => {
  const say = (text: string): void => console.error(text);
  const program = await provideVersitygw({ say }).catch((error: unknown) => {
    // tools/test.mjs looks for this line.
    console.error(`NOT-TRIED-ON-AN-S3-SERVICE: ${error instanceof Error ? error.message : String(error)}`);
  });
  return program === undefined ? undefined : startVersitygw(program, undefined, secretKey);
};

/** Settings of a platform that keeps its objects there. */
export const objectSettings = (service: S3Service | undefined): Readonly<Record<string, string>> =>
  service === undefined
    ? {}
    : {
        FORNAX_OBJECTS: 's3',
        FORNAX_S3_ENDPOINT: service.url,
        FORNAX_S3_ACCESS_KEY: service.keys.accessKey,
        FORNAX_S3_SECRET_KEY: service.keys.secretKey,
      };
