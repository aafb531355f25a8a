import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FornaxClient } from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientsOf } from './clients.js';
import { fornax as onPlatform, type Ended } from './command-line.js';

/** What names may hold: everything but the slash and NUL. */
const ODD = ' !"#$%&\'()*+,-.:;<=>?@[\\]^_`{|}~\t\n\u0001\u007fäß漢字🦊%41%2F';
const bytesOf = (text: string): number => Buffer.byteLength(text);
/** A name of so many bytes, odd characters first. */
const name = (bytes: number): string => ODD + 'x'.repeat(bytes - bytesOf(ODD));
/** As long as a key can be. */
const LONGEST = [name(255), name(255), name(255), name(254), 'z'].join('/');

let platform: RunningPlatform;
let api: FornaxClient;
let s3: S3Client;
let folder: string;
beforeAll(async () => {
  platform = await startPlatform();
  ({ api, s3 } = clientsOf(platform));
  folder = await mkdtemp(join(tmpdir(), 'fornax-files-'));
});
afterAll(async () => {
  s3.close();
  await platform.stop();
  await rm(folder, { recursive: true, force: true });
});

const fornax = (...args: readonly string[]): Promise<Ended> => onPlatform(platform.dataDir, ...args);
const write = async (path: string, content: string | Buffer, mode = 0o644): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, mode);
};
/** Files below a folder, with their rights and content; folders with nothing in them. */
const treeOf = async (root: string): Promise<Readonly<Record<string, string>>> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const tree: Record<string, string> = {};
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    const shown = path.slice(root.length + 1);
    if (entry.isFile()) tree[shown] = `${(mode & 0o777).toString(8)} ${await readFile(path, 'utf8')}`;
    else if ((await readdir(path)).length === 0) tree[`${shown}/`] = '';
  }
  return tree;
};

/** Rewrites every file in place, so that each is a result, and makes a program of its own. */
const TOOL = `#!/bin/sh
set -e
find . -type f ! -name tool -exec sh -c 'for f; do cp -p "$f" .x; mv .x "$f"; done' sh {} +
cp -p tool copy-of-tool
printf '#!/bin/sh\\necho made\\n' > made
chmod 755 made
`;

describe('files in buckets', () => {
  it('survive upload, being an input, being executed, being a result and download, with their modes and names', async () => {
    const from = join(folder, 'from');
    expect(bytesOf(LONGEST)).toBe(1_024);
    await write(join(from, 'tool'), TOOL, 0o755);
    await write(join(from, 'Case.txt'), 'upper');
    await write(join(from, 'case.txt'), 'lower');
    await write(join(from, 'private'), 'private', 0o600);
    await write(join(from, 'nothing'), '');
    await write(join(from, ODD, 'inside'), 'odd');
    await write(join(from, LONGEST), 'long');
    await mkdir(join(from, 'deep/empty'), { recursive: true });

    const first = await fornax('bucket', 'upload', from, 'files-in');
    expect(first).toEqual({
      code: 0,
      stdout: '7 of 7 files were stored in files-in (0 were there), and 1 empty folder\n',
      stderr: '',
    });
    const again = await fornax('bucket', 'upload', from, 'files-in');
    expect([again.code, again.stdout]).toEqual([0, '0 of 7 files were stored in files-in (7 were there)\n']);
    // What rclone reads.
    expect(await s3.headObject('files-in', 'private')).toMatchObject({ mode: 0o600 });

    const direct = join(folder, 'direct');
    expect((await fornax('bucket', 'download', 'files-in', direct)).stdout).toBe(
      `7 of 7 files were brought into ${direct} (0 were there)\n`,
    );
    expect(await treeOf(direct)).toEqual(await treeOf(from));

    const task = await api.submitTask({
      name: 'round trip',
      profile: 'docker-batch',
      instanceCount: 1,
      resourceBuckets: ['files-in'],
      resultBucket: 'files-out',
      constants: [{ key: 'DOCKER_CMD', value: './tool' }],
    });
    const { state, errors } = await api.waitForTask(task);
    expect([state, errors]).toEqual(['Success', []]);
    const back = join(folder, 'back');
    expect(await fornax('bucket', 'download', 'files-out', back)).toMatchObject({ code: 0, stderr: '' });
    const { tool: _tool, 'deep/empty/': _empty, ...sent } = await treeOf(from);
    expect(await treeOf(back)).toEqual({
      ...sent,
      // Of a mode from elsewhere, an instance takes over whether the file may be executed.
      private: '644 private',
      'copy-of-tool': `755 ${TOOL}`,
      made: '755 #!/bin/sh\necho made\n',
    });
    expect(execFileSync(join(back, 'made')).toString()).toBe('made\n');
  });

  it('are stored again where content or mode differ, alone', async () => {
    const from = join(folder, 'differs');
    for (const each of ['a', 'b', 'c', 'd']) await write(join(from, each), each);
    await fornax('bucket', 'upload', from, 'differs/below');
    await write(join(from, 'a'), 'A');
    await chmod(join(from, 'b'), 0o755);
    // As a client without modes stores it.
    await s3.putObject('differs', 'below/c', 'c');
    const upload = await fornax('bucket', 'upload', from, 'differs/below/');
    expect(upload.stdout).toBe('2 of 4 files were stored in differs/below/ (2 were there)\n');
    const to = join(folder, 'differs-to');
    await fornax('bucket', 'download', 'differs/below', to);
    expect(await treeOf(to)).toEqual(await treeOf(from));
    await write(join(to, 'a'), 'x');
    await chmod(join(to, 'b'), 0o644);
    expect((await fornax('bucket', 'download', 'differs/below', to)).stdout).toBe(
      `1 of 4 files were brought into ${to} (3 were there)\n`,
    );
    expect(await treeOf(to)).toEqual(await treeOf(from));
    expect((await fornax('bucket', 'upload', join(from, 'a'), 'differs/single')).stdout).toContain('1 of 1 files');
    expect((await s3.getBytes('differs', 'single/a')).toString()).toBe('A');
  });

  it('are told when they are none that a bucket can hold: nothing is left out in silence', async () => {
    const from = join(folder, 'special');
    await write(join(from, 'file'), 'file', 0o755);
    await symlink('file', join(from, 'link-inside'));
    await symlink('/etc/hostname', join(from, 'link-out'));
    await symlink('nowhere', join(from, 'link-broken'));
    await write(join(from, 'folder/x'), 'x');
    await symlink('folder', join(from, 'link-folder'));
    execFileSync('mkfifo', [join(from, 'pipe')]);
    const socket = createServer().listen(join(from, 'socket'));
    await once(socket, 'listening');
    await writeFile(Buffer.concat([Buffer.from(`${from}/latin-`), Buffer.from([0xe9])]), 'x');
    await write(join(from, LONGEST), 'its key is too long below a prefix');
    try {
      const { code, stdout, stderr } = await fornax('bucket', 'upload', from, 'special/p');
      expect([code, stdout]).toEqual([1, '3 of 4 files were stored in special/p (0 were there, 7 left out)\n']);
      const link = 'a link to a folder, to nothing, or out of the folder';
      for (const line of [
        `link-out: ${link}`,
        `link-broken: ${link}`,
        `link-folder: ${link}`,
        'pipe: no file: a pipe, a socket or a device',
        'socket: no file: a pipe, a socket or a device',
        'latin-\ufffd: its name is not UTF-8',
        ': its key would be longer than 1,024 bytes',
      ])
        expect(stderr).toContain(line);
      expect(stderr.match(/^left out: /gm)).toHaveLength(7);
      expect((await s3.listObjects('special')).map(({ key }) => key)).toEqual([
        'p/file',
        'p/folder/x',
        'p/link-inside',
      ]);
      expect(await s3.headObject('special', 'p/link-inside')).toMatchObject({ sizeBytes: 4, mode: 0o755 });
    } finally {
      socket.close();
    }
  });

  it('come into the folder or not at all, and those that cannot are told', async () => {
    await s3.createBucket('strange');
    const bad = ['../up', 'a//b', '/lead', 'x/../y', './dot', 'deep/../../../up'];
    for (const key of [...bad, 'fine', 'both', 'both/below', `${'n'.repeat(300)}`])
      await s3.putObject('strange', key, key);
    const to = join(folder, 'strange/inner');
    const { code, stderr, stdout } = await fornax('bucket', 'download', 'strange', to, '--parallel', '1');
    expect([code, stdout]).toEqual([1, `2 of 10 files were brought into ${to} (0 were there, 8 left out)\n`]);
    expect(stderr.match(/has a path that no file here can have/g)).toHaveLength(bad.length);
    expect(stderr).toContain('one path is both, a file and a folder');
    expect(stderr).toContain('has a name that is too long for a file here');
    expect(Object.keys(await treeOf(join(folder, 'strange'))).sort()).toEqual(['inner/both', 'inner/fine']);
  });

  it('go on after a break, whatever the part beside them holds, and in parts when they are large', async () => {
    const from = join(folder, 'large');
    const large = Buffer.alloc(70_000_000, 'a large file, in two parts ');
    await write(join(from, 'large'), large);
    await fornax('bucket', 'upload', from, 'large');
    expect((await s3.headObject('large', 'large'))?.etag).toMatch(/-2$/);
    expect((await fornax('bucket', 'upload', from, 'large')).stdout).toContain('(1 were there)');
    const to = join(folder, 'large-to');
    await write(join(to, 'large.fornax-part'), large.subarray(0, 40_000_000));
    expect((await fornax('bucket', 'download', 'large', to)).code).toBe(0);
    expect((await readFile(join(to, 'large'))).equals(large)).toBe(true);
    // Of another version of the object: it is noticed by the bytes.
    await write(join(to, 'large.fornax-part'), Buffer.alloc(1_000_000, 'other'));
    await rm(join(to, 'large'));
    await s3.putObject('large', 'large', 'small and new '.repeat(100_000));
    expect((await fornax('bucket', 'download', 'large', to)).code).toBe(0);
    expect(await readFile(join(to, 'large'), 'utf8')).toBe('small and new '.repeat(100_000));
    expect(await readdir(to)).toEqual(['large']);
  });

  it('come whole to several that bring them into one folder at once, and after one of them was killed', async () => {
    const from = join(folder, 'shared');
    const large = Buffer.alloc(60_000_000, 'a file that several want ');
    const LONG = `${ODD}${'y'.repeat(250 - bytesOf(ODD))}`;
    await write(join(from, 'large'), large);
    for (const small of ['a', 'b', 'c', LONG]) await write(join(from, small), small);
    await fornax('bucket', 'upload', from, 'shared');
    const to = join(folder, 'shared-to');
    const all = await Promise.all(Array.from({ length: 3 }, () => fornax('bucket', 'download', 'shared', to)));
    // Beside their progress they say nothing.
    expect(all.map(({ code, stdout }) => [code, stdout.includes('left out')])).toEqual(Array(3).fill([0, false]));
    expect(await treeOf(to)).toEqual(await treeOf(from));
    // What a process that is no more left is gone on with; nobody has this id.
    await rm(join(to, 'large'));
    await write(join(to, 'large.fornax-part-4194305'), large.subarray(0, 40_000_000));
    expect((await fornax('bucket', 'download', 'shared', to)).stdout).toContain('1 of 5 files');
    expect(await treeOf(to)).toEqual(await treeOf(from));
  });

  it('are none where an upload begins at what is no file and no folder, which is said', async () => {
    const pipe = join(folder, 'a-pipe');
    execFileSync('mkfifo', [pipe]);
    await symlink(pipe, join(folder, 'to-pipe'));
    await symlink('nowhere-at-all', join(folder, 'to-nothing'));
    await symlink('in-circles', join(folder, 'in-circles'));
    for (const [name, why] of [
      ['a-pipe', 'is no file and no folder, but a pipe, a socket or a device.'],
      ['to-pipe', 'is no file and no folder, but a pipe, a socket or a device.'],
      ['to-nothing', 'is a link to nothing.'],
      ['in-circles', 'is a link that leads to itself.'],
    ]) {
      const { code, stderr } = await fornax('bucket', 'upload', join(folder, String(name)), 'never-made');
      expect([code, stderr]).toEqual([2, `${join(folder, String(name))} ${why}\n`]);
    }
    expect(await s3.listBuckets()).not.toContain('never-made');
  });

  it('are none where there is no such bucket, or no such folder', async () => {
    expect(await fornax('bucket', 'download', 'never-made', join(folder, 'x'))).toMatchObject({ code: 1 });
    const { code, stderr } = await fornax('bucket', 'upload', join(folder, 'nowhere'), 'never-made');
    expect([code, stderr]).toEqual([2, `There is no ${join(folder, 'nowhere')}.\n`]);
    expect(await s3.listBuckets()).not.toContain('never-made');
    await s3.createBucket('bare');
    const to = join(folder, 'bare');
    expect(await fornax('bucket', 'download', 'bare', to)).toMatchObject({ code: 0, stderr: '' });
    expect(await fornax('bucket', 'download', 'bare/mistyped', to)).toMatchObject({
      code: 1,
      stderr: 'Nothing is in bare/mistyped.\n',
    });
  });

  it('are listed and deleted: an object, a folder, a bucket that is empty, or one with all that is in it', async () => {
    await s3.createBucket('heap');
    for (const key of ['a', 'dir', 'dir/one', 'dir/two', 'dirty', 'odd\u001b[2J']) await s3.putObject('heap', key, key);
    const { code, stdout } = await fornax('bucket', 'files', 'heap');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +BYTES {2}STORED +OBJECT\n +1 {2}20\S+Z {2}a\n/);
    expect(stdout).toContain('odd\\u001b[2J\n');
    const keys = async (place: string): Promise<readonly string[]> =>
      JSON.parse((await fornax('bucket', 'files', place, '--json')).stdout).map(({ key }: { key: string }) => key);
    expect(await keys('heap/dir')).toEqual(['dir/one', 'dir/two']);
    expect(await fornax('bucket', 'files', 'heap/none')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Nothing is in heap/none.\n',
    });

    expect(await fornax('bucket', 'delete', 'heap/nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no object heap/nowhere.'),
    });
    expect(await fornax('bucket', 'delete', 'heap/dir')).toMatchObject({ code: 0, stdout: 'heap/dir was deleted\n' });
    expect(await keys('heap')).toEqual(['a', 'dir/one', 'dir/two', 'dirty', 'odd\u001b[2J']);
    expect((await fornax('bucket', 'delete', 'heap/dir/')).stdout).toBe('2 objects of heap/dir/ were deleted\n');
    expect(await keys('heap')).toEqual(['a', 'dirty', 'odd\u001b[2J']);
    expect((await fornax('bucket', 'delete', 'heap')).code).toBe(1);
    expect(await keys('heap')).toHaveLength(3);
    expect((await fornax('bucket', 'delete', 'heap', '--with-objects')).stdout).toBe(
      'heap was deleted with 3 objects\n',
    );
    expect(await s3.listBuckets()).not.toContain('heap');
  });

  it('of an instance that failed before it stored any are told as missing, and that is no success', async () => {
    const task = await api.submitTask({
      name: 'too much',
      profile: 'docker-batch',
      instanceCount: 1,
      resultBucket: 'files-out',
      constants: [{ key: 'DOCKER_CMD', value: 'truncate -s 11G big' }],
    });
    expect(await api.waitForTask(task)).toMatchObject({ state: 'Failure', errors: [{ code: 'FX-DISK-LIMIT' }] });
    const { code, stderr } = await fornax('task', 'results', task);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Instance 0 failed and stored no results: FX-/);
  });
});
