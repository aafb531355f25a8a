import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolsDir } from '@fornax/testing/platform';
import type { S3Server } from './s3-load.js';

const VERSION = 'v1.8.0';

/**
 * Finds the program that speeds are compared with: FORNAX_BENCH_VERSITYGW, or one that is built once through Go.
 * @throws Error neither can be had
 */
export const provideVersitygw = async (say: (text: string) => void): Promise<string> => {
  const given = process.env['FORNAX_BENCH_VERSITYGW'];
  if (given !== undefined) return given;
  const home = join(toolsDir(), `versitygw-${VERSION}`);
  const program = join(home, 'versitygw');
  if (existsSync(program)) return program;
  say(`building versitygw ${VERSION} through Go, once: some minutes`);
  const half = await mkdtemp(join(tmpdir(), 'versitygw-'));
  try {
    const env = { ...process.env, GOBIN: half };
    await promisify(execFile)('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
      env,
      cwd: half,
    });
    await mkdir(home, { recursive: true });
    await rename(join(half, 'versitygw'), program);
    return program;
  } finally {
    await rm(half, { recursive: true, force: true });
  }
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
};

const answers = async (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

/** Runs versitygw on a folder of its own on the disk of temporary files, and ends it afterwards. */
export const withVersitygw = async <T>(program: string, work: (server: S3Server) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-bench-s3-'));
  const keys = { accessKey: 'bench', secretKey: 'bench-secret' };
  const port = await freePort();
  const env = { ...process.env, ROOT_ACCESS_KEY_ID: keys.accessKey, ROOT_SECRET_ACCESS_KEY: keys.secretKey };
  // As our clients and those of the SDKs do, connections are kept.
  const args = ['--quiet', '--keep-alive', '--port', `127.0.0.1:${port}`, 'posix', folder];
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  try {
    while (!(await answers(url))) {
      if (child.exitCode !== null) throw new Error('versitygw ended before it answered');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await work({ url, keys });
  } finally {
    child.kill('SIGTERM');
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
};
