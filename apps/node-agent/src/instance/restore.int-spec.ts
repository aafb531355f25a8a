import { createHash } from 'node:crypto';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type SnapshotManifest, snapshotFileKey } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';
import { UserError } from '../failure/user-error.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ObjectServer } from '../node/agent.fixture.js';
import { keptFile, keptOf, type KeptSnapshot, unchangedFiles } from './kept-files.js';
import { restoreSnapshot } from './restore.js';
import { selectResults } from './results.js';

const { signal } = new AbortController();
const sha = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

let objects: ObjectServer;
let s3: S3Client;
let folder = '';
let [before, after] = ['', ''];
beforeAll(async () => {
  objects = await ObjectServer.open();
  s3 = objects.client(1);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-restore-'));
  [before, after] = [join(folder, 'before'), join(folder, 'after')];
  await Promise.all([mkdir(before), mkdir(after)]);
});
afterEach(async () => {
  objects.objects.clear();
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  s3.close();
  await objects.close();
});

const select = (jobDir: string) =>
  selectResults(jobDir, new Map(), { whitelist: null, blacklist: null }, { seenAs: '/job', signal });
const about = { snapshotId: 'snap_t_1_a', taskId: 't', instance: 3 };

/** What a snapshot of a folder is in the storage. @returns the digest of its manifest */
const stored = async (change: (manifest: SnapshotManifest) => SnapshotManifest = (same) => same): Promise<string> => {
  const { files, links } = await select(before);
  const listed = await Promise.all(
    files.map(async ({ path, place = path, mode }) => {
      const bytes = path.endsWith('/') ? Buffer.alloc(0) : await readFile(join(before, place.toString()));
      objects.objects.set(`.snapshots/${snapshotFileKey(about, 'out', `run/${path}`)}`, bytes);
      return { path, size: bytes.length, mode: mode & 0o7777, sha256: sha(bytes) };
    }),
  );
  const whole = { format: 1, ...about, attempt: 1, bucket: 'out', folder: 'run/', files: listed, links: [...links] };
  const bytes = Buffer.from(JSON.stringify(change({ ...whole, leftOut: [] } as SnapshotManifest)));
  objects.objects.set(`.manifests/t/${sha(bytes)}.json`, bytes);
  return sha(bytes);
};
const restore = (manifest: string): Promise<SnapshotManifest> =>
  restoreSnapshot(s3, { taskId: 't', snapshotId: about.snapshotId, manifest }, { jobDir: after, instance: 3, signal });
const refusal = (manifest: string): Promise<unknown> => restore(manifest).catch((error: unknown) => error);

describe('a job that begins with a snapshot', () => {
  beforeEach(async () => {
    await mkdir(join(before, 'deep/er'), { recursive: true });
    await mkdir(join(before, 'deep/empty'));
    await chmod(join(before, 'deep/empty'), 0o700);
    await symlink('deep/empty', join(before, 'empty-link'));
    await writeFile(join(before, 'deep/er/state'), 'state');
    await writeFile(join(before, 'run.sh'), '#!/bin/sh');
    await chmod(join(before, 'run.sh'), 0o750);
    await symlink('deep/er/state', join(before, 'file-link'));
    await symlink('/job/deep', join(before, 'folder-link'));
    await symlink('/etc/passwd', join(before, 'out-of-it'));
  });

  it('has its files, with their rights and links, over what lies there', async () => {
    // An input may be a second name of a file that the node keeps for others.
    await writeFile(join(folder, 'cached'), 'cached');
    await link(join(folder, 'cached'), join(after, 'run.sh'));
    await writeFile(join(after, 'input'), 'input');
    await restore(await stored());
    expect(await readFile(join(after, 'deep/er/state'), 'utf8')).toBe('state');
    expect((await stat(join(after, 'run.sh'))).mode & 0o777).toBe(0o750);
    expect((await stat(join(after, 'deep/empty'))).mode & 0o7777).toBe(0o700);
    expect(await readlink(join(after, 'empty-link'))).toBe('deep/empty');
    expect(await readlink(join(after, 'file-link'))).toBe('deep/er/state');
    expect((await lstat(join(after, 'folder-link'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(after, 'folder-link/er/state'), 'utf8')).toBe('state');
    expect(await lstat(join(after, 'out-of-it')).catch(() => 'none')).toBe('none');
    expect(await readFile(join(after, 'input'), 'utf8')).toBe('input');
    expect(await readFile(join(folder, 'cached'), 'utf8')).toBe('cached');
  });

  it('is laid out in folders of its own, and never through a link that a slot has brought', async () => {
    const outside = join(folder, 'outside');
    await mkdir(join(outside, 'er'), { recursive: true });
    await symlink(outside, join(after, 'deep'));
    await mkdir(join(after, 'run.sh'));
    await symlink(outside, join(after, 'file-link'));
    await restore(await stored());
    expect(await readdir(outside, { recursive: true })).toEqual(['er']);
    expect((await lstat(join(after, 'deep'))).isDirectory()).toBe(true);
    expect(await readFile(join(after, 'deep/er/state'), 'utf8')).toBe('state');
    expect(await readlink(join(after, 'file-link'))).toBe('deep/er/state');
    expect(await readFile(join(after, 'run.sh'), 'utf8')).toBe('#!/bin/sh');
  });

  it('has no link that a list lays out through another one, so that a node that lies cannot lead out of the job', async () => {
    const names = ['d1/d2/d3/a/x/f', 'b/k', 'T'];
    const paths = [...names, 'deep/er/state'];
    for (const name of names) {
      await mkdir(join(before, dirname(name)), { recursive: true });
      await writeFile(join(before, name), name);
    }
    const links = [
      { path: 'd1/d2/d3/a', target: 'b' },
      { path: 'd1/d2/d3/a/x', target: 'T' },
      { path: 'd1/d2/d3/a/x/y', target: 'T' },
    ];
    await restore(await stored((all) => ({ ...all, links })));
    expect(await readdir(folder)).toEqual(['after', 'before']);
    expect(await readlink(join(after, 'd1/d2/d3/a'))).toBe('../../../b');
    expect(await readdir(join(after, 'b'))).toEqual(['k']);
    for (const path of paths.slice(1)) expect((await lstat(join(after, path))).isFile()).toBe(true);
  });

  it('has what its next snapshot need not send, unless the command changes it', async () => {
    const kept = keptOf(await restore(await stored()));
    await writeFile(join(after, 'run.sh'), '#!/bin/ed');
    await writeFile(join(after, 'new'), 'new');
    const { files } = await select(after);
    const unchanged = await unchangedFiles(after, files, kept, signal);
    expect(unchanged.map(({ file }) => file.path).sort()).toEqual([
      'deep/er/state',
      'file-link',
      'folder-link/er/state',
    ]);
    expect([kept.bucket, kept.prefix]).toEqual(['out', 'run/']);
  });

  it('does not begin with what was altered, is gone, or leads out of it', async () => {
    const digest = await stored();
    const key = `.manifests/t/${digest}.json`;
    const manifest = objects.objects.get(key) ?? Buffer.alloc(0);
    objects.objects.set(key, Buffer.from(manifest.toString().replace('"attempt":1', '"attempt":2')));
    expect(await refusal(digest)).toMatchObject({ code: 'FX-SNAPSHOT', message: expect.stringContaining('altered') });
    objects.objects.delete(key);
    expect(await refusal(digest)).toMatchObject({ code: 'FX-SNAPSHOT', message: expect.stringContaining('gone') });
    objects.objects.set(key, manifest);

    const file = `.snapshots/${snapshotFileKey(about, 'out', 'run/deep/er/state')}`;
    objects.objects.set(file, Buffer.from('stats'));
    expect(await refusal(digest)).toMatchObject({
      code: 'FX-SNAPSHOT',
      message: expect.stringContaining('not what was stored'),
    });
    objects.objects.delete(file);
    expect(await refusal(digest)).toMatchObject({ code: 'FX-SNAPSHOT', message: expect.stringContaining('gone') });

    for (const change of [{ instance: 4 }, { taskId: 'u' }, { snapshotId: 'snap_t_2_b' }])
      expect(await refusal(await stored((all) => ({ ...all, ...change })))).toMatchObject({ code: 'FX-SNAPSHOT' });
    const out = await stored((all) => ({ ...all, files: [{ path: '../out', size: 0, mode: 0o644, sha256: sha('') }] }));
    expect(await refusal(out)).toMatchObject({ code: 'FX-INPUT' });
    const link = await stored((all) => ({ ...all, links: [{ path: 'l', target: '../../out' }] }));
    expect(await refusal(link)).toMatchObject({ code: 'FX-INPUT' });
  });
});

describe('a file of a snapshot that the storage cannot give', () => {
  const isFile = (request: string): boolean => request.startsWith('GET .snapshots/') && request.endsWith('/state');
  beforeEach(async () => {
    await writeFile(join(before, 'state'), 'state');
  });
  afterEach(() => {
    objects.failsAt = undefined;
    objects.arriving = undefined;
  });

  it('is damaged, and the user’s matter, where it gives all others', async () => {
    const digest = await stored();
    objects.failsAt = isFile;
    expect(await refusal(digest)).toMatchObject({
      code: 'FX-SNAPSHOT',
      cause: 'user',
      message: expect.stringContaining('state cannot be read, its file in the storage is damaged'),
    });
    objects.failsAt = undefined;
    // Broken off in the middle: damage that shows while it is read.
    objects.arriving = (request) => {
      if (isFile(request)) objects.cuts.push(2);
      return undefined;
    };
    expect(await refusal(digest)).toMatchObject({ code: 'FX-SNAPSHOT' });
  });

  it('is damaged likewise where it is the manifest', async () => {
    const digest = await stored();
    objects.failsAt = (request) => request.startsWith('GET .manifests/');
    expect(await refusal(digest)).toMatchObject({
      code: 'FX-SNAPSHOT',
      cause: 'user',
      message: expect.stringContaining('its manifest cannot be read, its file in the storage is damaged'),
    });
    objects.failsAt = (request) => request.includes('.manifests/');
    expect(await refusal(digest)).not.toBeInstanceOf(UserError);
  });

  it('is the storage’s trouble where it gives nothing, and none where that passes', async () => {
    const digest = await stored();
    let isAway = false;
    objects.failsAt = (request) => (isAway ||= isFile(request));
    const away = await refusal(digest);
    expect(away).toBeInstanceOf(Error);
    expect(away).not.toBeInstanceOf(UserError);
    let failures = 1;
    objects.failsAt = (request) => isFile(request) && failures-- > 0;
    await restore(digest);
    expect(await readFile(join(after, 'state'), 'utf8')).toBe('state');
  });
});

describe('files of the snapshot before', () => {
  const HOUR_S = 3_600;
  const write = (name: string, text: string, ageS: number): Promise<void> =>
    writeFile(join(before, name), text).then(() =>
      utimes(join(before, name), Date.now() / 1_000 - ageS, Date.now() / 1_000 - ageS),
    );
  const keep = async (sha256?: string): Promise<KeptSnapshot> => {
    const { files } = await select(before);
    const kept = await Promise.all(
      files.map(async (file) => {
        const bytes = await readFile(join(before, file.path));
        // An hour later, so that what the times say is settled.
        const one = { file, bytes: bytes.length, sha256: sha256 ?? sha(bytes) };
        return [file.path, keptFile(one, Date.now() + HOUR_S * 1_000)] as const;
      }),
    );
    return { snapshotId: 's', bucket: 'b', prefix: null, files: new Map(kept) };
  };
  const unchanged = async (kept: KeptSnapshot): Promise<readonly string[]> => {
    const { files } = await select(before);
    return (await unchangedFiles(before, files, kept, signal)).map(({ file }) => file.path).sort();
  };

  it('are the same while their times and sizes are, and otherwise while their bytes are', async () => {
    for (const name of ['same', 'touched', 'replaced', 'grown', 'new']) await write(name, `${name} 1`, HOUR_S);
    const kept = await keep();
    await rm(join(before, 'new'));
    await write('new', 'new 2', HOUR_S);
    await utimes(join(before, 'touched'), 1, 1);
    await write('replaced', 'replaced 2', HOUR_S);
    await write('grown', 'grown 1, grown', HOUR_S);
    expect(await unchanged(kept)).toEqual(['same', 'touched']);
  });

  it('are read again where they had changed shortly before: a mapped file may have changed since without a trace', async () => {
    await write('mapped', 'one', 0);
    const { files } = await select(before);
    const [file] = files;
    if (!file) throw new Error('no file');
    const soon = keptFile({ file, bytes: 3, sha256: sha('two') }, Date.now());
    const late = keptFile({ file, bytes: 3, sha256: sha('two') }, Date.now() + HOUR_S * 1_000);
    const of = (one: typeof soon): KeptSnapshot => ({
      snapshotId: 's',
      bucket: 'b',
      prefix: null,
      files: new Map([['mapped', one]]),
    });
    expect(await unchanged(of(soon))).toEqual([]);
    expect(await unchanged(of(late))).toEqual(['mapped']);
  });
});
