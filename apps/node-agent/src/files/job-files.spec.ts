import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { manifestOf, selectResults } from '../instance/results.js';
import { keyOfPath } from './file-names.js';
import { openFile } from './job-files.js';
import { listFiles } from './list-files.js';
import { filterPaths } from './path-filter.js';

let job = '';
beforeEach(async () => {
  job = await mkdtemp(join(tmpdir(), 'fornax-job-'));
});
afterEach(() => rm(job, { recursive: true, force: true }));
const everything = { whitelist: null, blacklist: null };
const seen = { seenAs: '/job' };
const contentOf = async (path: string): Promise<string | undefined> => {
  const { files } = await listFiles(job, seen);
  const file = files.find((each) => each.path === path);
  const handle = file && (await openFile(job, file));
  return handle?.readFile('utf8').finally(() => handle.close());
};
/** Names in folders as Node cannot write them: any bytes. */
const writeRaw = (name: Buffer, text: string): Promise<void> =>
  writeFile(Buffer.concat([Buffer.from(`${job}/`), name]), text);

describe('the files of a job', () => {
  it('are the regular ones; pipes and links to the outside stay, and are named', async () => {
    await mkdir(join(job, 'a/b'), { recursive: true });
    await writeFile(join(job, 'a/b/c.txt'), 'x');
    await writeFile(join(job, 'top'), 'xy');
    await symlink('/etc/passwd', join(job, 'passwd'));
    await symlink('../../..', join(job, 'up'));
    await symlink('/etc', join(job, 'etc'));
    execFileSync('mkfifo', [join(job, 'pipe')]);
    const { files, leftOut } = await listFiles(job, seen);
    expect(files.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ['a/b/c.txt', 1],
      ['top', 2],
    ]);
    const outside = 'links that lead out of the job';
    expect(leftOut.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'etc', why: outside },
      { path: 'passwd', why: outside },
      { path: 'pipe', why: 'pipes' },
      { path: 'up', why: outside },
    ]);
    expect(await openFile(job, { path: 'passwd' })).toBeUndefined();
    expect(await openFile(job, { path: 'etc/passwd' })).toBeUndefined();
    expect(await openFile(job, { path: 'pipe' })).toBeUndefined();
    expect(await contentOf('a/b/c.txt')).toBe('x');
  });

  it('are also folders with nothing in them, unless they were there before, or were emptied', async () => {
    for (const folder of ['old/empty', 'emptied', 'nested/deep', 'filled', 'with-a-pipe'])
      await mkdir(join(job, folder), { recursive: true });
    for (const file of ['emptied/input', 'filled/input']) await writeFile(join(job, file), 'x');
    const before = await manifestOf(job, seen);
    expect([...before.keys()].sort()).toEqual([
      'emptied/input',
      'filled/input',
      'nested/deep/',
      'old/empty/',
      'with-a-pipe/',
    ]);
    await rm(join(job, 'emptied/input'));
    await mkdir(join(job, 'nested/deep/new'), { mode: 0o750 });
    await mkdir(join(job, 'no.log'));
    execFileSync('mkfifo', [join(job, 'with-a-pipe/pipe')]);
    await symlink('nested/deep/new', join(job, 'link'));
    const { files } = await selectResults(job, before, { whitelist: null, blacklist: '\\.log/$' }, seen);
    expect(files.map(({ path, sizeBytes, mode }) => [path, sizeBytes, mode & 0o7777])).toEqual([
      ['link/', 0, 0o750],
      ['nested/deep/new/', 0, 0o750],
    ]);
  });

  it('are found once more below the names of links to them, as the instance saw them', async () => {
    await mkdir(join(job, 'run-1/deep'), { recursive: true });
    await writeFile(join(job, 'run-1/out'), 'one');
    await writeFile(join(job, 'run-1/deep/er'), 'two');
    await symlink('run-1', join(job, 'latest'));
    await symlink('/job/latest/out', join(job, 'absolute'));
    await symlink('absolute', join(job, 'chain'));
    await symlink('../../run-1/./out', join(job, 'run-1/deep/back'));
    expect((await listFiles(job, seen)).files.map(({ path }) => path)).toEqual([
      'absolute',
      'chain',
      'latest/deep/er',
      'latest/out',
      'run-1/deep/back',
      'run-1/deep/er',
      'run-1/out',
    ]);
    for (const path of ['absolute', 'chain', 'latest/out', 'run-1/deep/back'])
      expect(await contentOf(path)).toBe('one');
    expect(await contentOf('latest/deep/er')).toBe('two');
    expect((await listFiles(job, seen)).leftOut).toEqual([{ path: 'latest/deep/back', why: 'links below links' }]);
  });

  it('are no links that lead nowhere, in a circle, or to what holds them', async () => {
    await mkdir(join(job, 'sub'));
    await symlink('nothing', join(job, 'dead'));
    await symlink('b', join(job, 'a'));
    await symlink('a', join(job, 'b'));
    await symlink('..', join(job, 'sub/parent'));
    await symlink('.', join(job, 'self'));
    const { files, leftOut } = await listFiles(job, seen);
    expect(files).toEqual([]);
    expect(new Map(leftOut.map(({ path, why }) => [path, why]))).toEqual(
      new Map([
        ['dead', 'links that lead nowhere'],
        ['a', 'links that lead in a circle'],
        ['b', 'links that lead in a circle'],
        ['sub/parent', 'links that lead in a circle'],
        ['self', 'links that lead in a circle'],
      ]),
    );
  });

  it('have their names, whatever bytes these are', async () => {
    await writeRaw(Buffer.from([0x61, 0xff, 0x62]), 'odd');
    await writeRaw(Buffer.from('50%'), 'plain');
    await writeRaw(Buffer.from('ä\n"%FF'), 'utf-8');
    await mkdir(Buffer.concat([Buffer.from(`${job}/`), Buffer.from([0xe9])]));
    await writeRaw(Buffer.concat([Buffer.from([0xe9]), Buffer.from('/in')]), 'in an odd folder');
    expect((await listFiles(job, seen)).files.map(({ path }) => path)).toEqual(['%E9/in', '50%', 'a%FFb', 'ä\n"%FF']);
    expect(await contentOf('a%FFb')).toBe('odd');
    expect(await contentOf('%E9/in')).toBe('in an odd folder');
  });

  it('that cannot be told apart by their keys are told', async () => {
    await writeRaw(Buffer.from([0xff]), 'one');
    await writeRaw(Buffer.from('%FF'), 'other');
    const { files, leftOut } = await listFiles(job, seen);
    expect(files).toHaveLength(1);
    expect(leftOut).toEqual([{ path: '%FF', why: 'files whose names storage cannot keep apart' }]);
  });

  // An agent that is root reads everything: the rights of its instance decide.
  (process.getuid?.() === 0 ? it : it.skip)('that their own instance may not read are told', async () => {
    const [own, other] = [4_242, 4_243];
    const make = async (name: string, mode: number, uid: number, gid = own): Promise<void> => {
      await writeFile(join(job, name), name);
      await chown(join(job, name), uid, gid);
      await chmod(join(job, name), mode);
    };
    await chown(job, own, own);
    await make('mine', 0o400, own);
    await make('none', 0o000, own);
    await make('others-alone', 0o044, own);
    await make('of-the-group', 0o040, other);
    await make('of-another', 0o640, other, other);
    await make('of-all', 0o004, other, other);
    await mkdir(join(job, 'shut'));
    await make('shut/in', 0o644, own);
    await chown(join(job, 'shut'), own, own);
    await chmod(join(job, 'shut'), 0o600);
    await symlink('none', join(job, 'link'));
    const { files, leftOut } = await listFiles(job, seen);
    expect(files.map(({ path }) => path)).toEqual(['mine', 'of-all', 'of-the-group']);
    const why = 'files or folders that may not be read';
    expect(leftOut.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
      ['link', 'none', 'of-another', 'others-alone', 'shut'].map((path) => ({ path, why })),
    );
  });

  // Root may read everything: skipped and shown as such, not passed.
  (process.getuid?.() === 0 ? it.skip : it)('that may not be read are told', async () => {
    await writeFile(join(job, 'secret'), 'x');
    await chmod(join(job, 'secret'), 0);
    expect((await listFiles(job, seen)).leftOut).toEqual([
      { path: 'secret', why: 'files or folders that may not be read' },
    ]);
  });

  it('are not too many', async () => {
    for (const name of ['a', 'b', 'c']) await writeFile(join(job, name), '');
    await expect(listFiles(job, { ...seen, most: 2 })).rejects.toMatchObject({ code: 'FX-RESULT', cause: 'limit' });
  });

  it('are not too deep: no folder is looked into from so far above', async () => {
    const levels = Array.from({ length: 300 }, () => 'a');
    await mkdir(join(job, ...levels), { recursive: true });
    await writeFile(join(job, ...levels.slice(0, 256), 'in'), '');
    await symlink(levels.join('/'), join(job, 'down'));
    const { files, leftOut } = await listFiles(job, seen);
    expect(files.map(({ path }) => path)).toEqual([[...levels.slice(0, 256), 'in'].join('/')]);
    expect(leftOut).toEqual([
      { path: levels.slice(0, 257).join('/'), why: 'folders deeper than 256 levels' },
      { path: 'down', why: 'links to folders deeper than 256 levels' },
    ]);
  });

  it('are not at the end of links without end', async () => {
    await mkdir(join(job, 'sub'));
    await symlink(`${'sub/../'.repeat(500)}sub`, join(job, 'way'));
    await expect(listFiles(job, { ...seen, most: 20 })).rejects.toMatchObject({ code: 'FX-RESULT', cause: 'limit' });
    expect(await listFiles(job, seen)).toMatchObject({
      files: [{ path: 'sub/' }, { path: 'way/' }],
      links: [{ path: 'way', target: 'sub' }],
      leftOut: [],
    });
    await writeFile(join(job, 'sub/file'), '');
    expect((await listFiles(job, seen)).files.map(({ path }) => path)).toEqual(['sub/file', 'way/file']);
    await expect(listFiles(job, { ...seen, signal: AbortSignal.abort(new Error('given up')) })).rejects.toThrow(
      'given up',
    );
  });

  it('are found in a folder of many, which is read some names at a time', async () => {
    const names = Array.from({ length: 600 }, (_, at) => `f${String(at).padStart(3, '0')}`);
    await Promise.all(names.map((name) => writeFile(join(job, name), '')));
    expect((await listFiles(job, seen)).files.map(({ path }) => path)).toEqual(names);
  });

  it('are results if they are new or changed', async () => {
    await writeFile(join(job, 'same'), 'same');
    await writeFile(join(job, 'changed'), 'before');
    const before = await manifestOf(job, seen);
    await writeFile(join(job, 'changed'), 'afterwards');
    await writeFile(join(job, 'new'), '');
    await symlink('/nowhere', join(job, 'log'));
    const filter = { whitelist: null, blacklist: '^log' };
    expect((await selectResults(job, before, filter, seen)).files.map(({ path }) => path)).toEqual(['changed', 'new']);
    expect((await selectResults(job, before, filter, seen)).leftOut).toEqual([]);
    expect((await selectResults(job, before, everything, seen)).leftOut).toHaveLength(1);
  });

  it('are not told to be none when the folder itself is gone', async () => {
    await expect(listFiles(join(job, 'no-such'), seen)).rejects.toThrow('the folder of the job is not there');
  });

  it('leave nothing open when what a job has of its own cannot be looked at', async () => {
    const lower = { manifest: new Map(), folders: new Map([['', 1]]), links: new Map() };
    const over = { lower, ownDir: `/${'long'.repeat(2_000)}` };
    await expect(listFiles(job, { ...seen, over })).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    const open = await readdir('/proc/self/fd');
    const targets = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    expect(targets).not.toContain(job);
  });
});

describe('the key of a path', () => {
  it.each([
    [[0x61], 'a'],
    [[0xff, 0xfe], '%FF%FE'],
    [[0xc3, 0xa4, 0xc3], 'ä%C3'],
    [[0x25, 0x80], '%25%80'],
    [[0xed, 0xa0, 0x80], '%ED%A0%80'],
    [[0xf0, 0x9f, 0x98, 0x80, 0x2f, 0xf0], '😀/%F0'],
  ])('of %j is %s', (bytes, key) => expect(keyOfPath(Buffer.from(bytes))).toBe(key));
});

it('keys of many odd paths hold nobody up', () => {
  const path = Buffer.alloc(4_096, 0xff);
  for (let count = 0; count < 100; count += 1) expect(keyOfPath(path)).toHaveLength(3 * 4_096);
});

describe('a filter of results', () => {
  const paths = ['a.txt', 'b.txt', 'sub/a.txt', 'log'];
  it.each([
    [everything, paths],
    [{ whitelist: 'a', blacklist: null }, ['a.txt', 'sub/a.txt']],
    [{ whitelist: '^(a|log)', blacklist: 'txt$' }, ['log']],
    [{ whitelist: null, blacklist: '^sub/' }, ['a.txt', 'b.txt', 'log']],
  ])('%j', async (filter, expected) => expect(await filterPaths(paths, filter)).toEqual(expected));

  it('blames the user for a malformed one', async () =>
    expect(filterPaths(paths, { whitelist: '(', blacklist: null })).rejects.toMatchObject({ code: 'FX-FILTER' }));

  it('takes linear time', async () =>
    expect(await filterPaths([`${'a'.repeat(5_000)}b`], { whitelist: '^(a+)+$', blacklist: null })).toEqual([]));

  it('is stopped when it cannot, and backtracks for ever', async () => {
    await expect(
      filterPaths([`${'a'.repeat(60)}b`], { whitelist: '^(a{1,9}){1,99}$', blacklist: null }),
    ).rejects.toMatchObject({
      code: 'FX-FILTER',
    });
  }, 15_000);
});
