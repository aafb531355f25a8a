import { renameSync, symlinkSync, watch } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { versionOf } from './job-files.js';
import { replaceFile } from './replace-file.js';

const BYTES = 64 * 1_048_576;
const SOMEBODY = 54_321;

describe('a file that comes from another file system', () => {
  let folder: string;
  let job: string;
  let staging: string;
  let staged: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-replace-'));
    job = await mkdtemp(join(tmpdir(), 'fornax-replace-'));
    staging = await mkdtemp('/dev/shm/fornax-replace-');
    if (process.getuid?.() === 0) await chown(job, SOMEBODY, SOMEBODY);
    staged = join(staging, 'staged');
  });
  afterEach(() => Promise.all([folder, job, staging].map((path) => rm(path, { recursive: true }))));

  it('takes the place of what is there, with its rights, as the owner of the job', async () => {
    await writeFile(join(job, 'file'), 'old');
    await writeFile(staged, 'new');
    await chmod(staged, 0o755);
    const version = await replaceFile(job, 'file', staged);
    expect(await readFile(join(job, 'file'), 'utf8')).toBe('new');
    const [facts, { uid, gid }] = await Promise.all([stat(join(job, 'file')), stat(job)]);
    expect(facts).toMatchObject({ uid, gid });
    expect(facts.mode & 0o777).toBe(0o755);
    expect(version).toBe(versionOf(facts));
    await expect(stat(staged)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is given away alone, whatever its new owner puts in its place meanwhile', async () => {
    const victim = join(folder, 'victim');
    await writeFile(victim, 'of another', { mode: 0o600 });
    const before = await stat(victim);
    await writeFile(staged, Buffer.alloc(BYTES));
    let swaps = 0;
    const watcher = watch(job, (_, name) => {
      if (name?.startsWith('.incoming-') !== true || swaps > 0) return;
      renameSync(join(job, name), join(job, 'away'));
      symlinkSync(victim, join(job, name));
      swaps += 1;
    });
    const version = await replaceFile(job, 'file', staged).finally(() => watcher.close());
    expect(swaps).toBe(1);
    const { uid, gid, mode } = before;
    expect(await stat(victim)).toMatchObject({ uid, gid, mode });
    expect(await readFile(victim, 'utf8')).toBe('of another');
    expect(version).not.toBe(versionOf(before));
    expect(await stat(join(job, 'away'))).toMatchObject({ size: BYTES, uid: (await stat(job)).uid });
  }, 30_000);
});
