import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unique } from '../clients/tasks.js';
import { platform } from '../platform.js';
import { debianProgram, pythonPrograms, runClient } from './programs.js';

const LONGEST_MS = 10 * 60_000;
let home: string;
let files: string;
let bin: string;

/** Paths and digests of all files in a folder. */
const treeOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [
        path.slice(folder.length),
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ] as const;
    });
  return Object.fromEntries((await Promise.all(found)).sort(([a], [b]) => (a < b ? -1 : 1)));
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fornax-s3-clients-'));
  files = join(home, 'files');
  await mkdir(join(files, 'deep', 'er'), { recursive: true });
  await writeFile(join(files, 'empty'), '');
  await writeFile(join(files, 'a b+c%20&d.txt'), 'odd');
  await writeFile(join(files, 'deep', 'grüße 東京.txt'), 'odder');
  await writeFile(join(files, 'deep', 'er', 'large'), randomBytes(21 * 1024 * 1024)); // in parts
  for (let n = 0; n < 50; n += 1) await writeFile(join(files, 'deep', `small-${n}`), `number ${n}`);
  bin = await pythonPrograms();
}, LONGEST_MS);
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

/** A new bucket. */
const aBucket = async (): Promise<string> => {
  const bucket = unique('clients').toLowerCase();
  await runClient(join(bin, 'aws'), ['s3', 'mb', `s3://${bucket}`], home);
  return bucket;
};

describe('S3 clients', () => {
  it(
    'rclone syncs both ways, and finds nothing that differs',
    async () => {
      const [rclone, remote] = [await debianProgram('rclone'), `fornax:${await aBucket()}/in`];
      await runClient(rclone, ['sync', files, remote], home);
      await runClient(rclone, ['check', files, remote], home);
      await runClient(rclone, ['check', '--download', files, remote], home);
      const back = join(home, 'rclone-back');
      await runClient(rclone, ['sync', remote, back], home);
      expect(await treeOf(back)).toEqual(await treeOf(files));
      await unlink(join(back, 'empty'));
      await runClient(rclone, ['sync', back, remote], home);
      expect(await runClient(rclone, ['lsf', remote], home)).not.toContain('empty');
      await runClient(rclone, ['purge', remote], home);
    },
    LONGEST_MS,
  );

  it(
    'restic backs up, checks all data, and restores',
    async () => {
      const restic = await debianProgram('restic');
      const repository = { RESTIC_REPOSITORY: `s3:${platform.storageUrl}/${await aBucket()}/backup` };
      const call = (...args: string[]) => runClient(restic, ['--no-cache', ...args], home, repository);
      await call('init');
      await call('backup', files);
      await call('backup', files);
      await call('check', '--read-data');
      const back = join(home, 'restic-back');
      await call('restore', 'latest', '--target', back);
      expect(await treeOf(join(back, files))).toEqual(await treeOf(files));
      await call('forget', 'latest', '--keep-last', '1', '--prune');
      await call('check');
    },
    LONGEST_MS,
  );

  it(
    's3cmd syncs both ways, and tells who may do what',
    async () => {
      const bucket = await aBucket();
      const { host } = new URL(platform.storageUrl);
      const { AWS_ACCESS_KEY_ID: key = '', AWS_SECRET_ACCESS_KEY: secret = '' } = platform.clientEnv;
      const config = join(home, '.s3cfg');
      const lines = [`access_key = ${key}`, `secret_key = ${secret}`, `host_base = ${host}`, `host_bucket = ${host}`];
      await writeFile(config, ['[default]', ...lines, 'use_https = False', ''].join('\n'));
      const call = (...args: string[]) => runClient(join(bin, 's3cmd'), ['--no-progress', ...args], home);
      await call('sync', '--multipart-chunk-size-mb=5', `${files}/`, `s3://${bucket}/in/`);
      expect(await call('info', `s3://${bucket}/in/deep/small-1`)).toContain('FULL_CONTROL');
      const back = join(home, 's3cmd-back');
      await mkdir(back);
      await call('sync', `s3://${bucket}/in/`, `${back}/`);
      expect(await treeOf(back)).toEqual(await treeOf(files));
      await call('del', '--recursive', '--force', `s3://${bucket}/in/`);
      expect(await call('ls', '--recursive', `s3://${bucket}`)).toBe('');
      await call('rb', `s3://${bucket}`);
    },
    LONGEST_MS,
  );

  it(
    'aws syncs both ways, copies a large object, and signs a URL',
    async () => {
      const bucket = await aBucket();
      const call = (...args: string[]) => runClient(join(bin, 'aws'), ['s3', ...args], home);
      await call('sync', files, `s3://${bucket}/in`, '--no-progress');
      const back = join(home, 'aws-back');
      await call('sync', `s3://${bucket}/in`, back, '--no-progress');
      expect(await treeOf(back)).toEqual(await treeOf(files));
      await call('cp', `s3://${bucket}/in/deep/er/large`, `s3://${bucket}/copy`, '--no-progress');
      await call('cp', `s3://${bucket}/copy`, join(home, 'aws-copy'), '--no-progress');
      const [copy, original] = [join(home, 'aws-copy'), join(files, 'deep', 'er', 'large')];
      // Not toEqual: it would walk through every byte.
      expect((await readFile(copy)).equals(await readFile(original))).toBe(true);
      const url = (await call('presign', `s3://${bucket}/in/deep/small-1`)).trim();
      expect(await (await fetch(url)).text()).toBe('number 1');
      await call('rb', `s3://${bucket}`, '--force');
    },
    LONGEST_MS,
  );
});
