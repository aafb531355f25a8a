import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { manifestOf, selectResults } from '../instance/results.js';
import { listFiles, openFile } from './job-files.js';
import { filterPaths } from './path-filter.js';

let job = '';
beforeEach(async () => {
  job = await mkdtemp(join(tmpdir(), 'fornax-job-'));
});
afterEach(() => rm(job, { recursive: true, force: true }));
const everything = { whitelist: null, blacklist: null };

describe('the files of a job', () => {
  it('are the regular ones; links, pipes and what they lead to stay', async () => {
    await mkdir(join(job, 'a/b'), { recursive: true });
    await writeFile(join(job, 'a/b/c.txt'), 'x');
    await writeFile(join(job, 'top'), 'xy');
    await symlink('/etc/passwd', join(job, 'passwd'));
    await symlink('/etc', join(job, 'etc'));
    execFileSync('mkfifo', [join(job, 'pipe')]);
    expect((await listFiles(job)).map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ['a/b/c.txt', 1],
      ['top', 2],
    ]);
    expect(await openFile(job, 'passwd')).toBeUndefined();
    expect(await openFile(job, 'etc/passwd')).toBeUndefined();
    expect(await openFile(job, 'pipe')).toBeUndefined();
    const file = await openFile(job, 'a/b/c.txt');
    expect(await file?.readFile('utf8')).toBe('x');
    await file?.close();
  });

  it('are results if they are new or changed', async () => {
    await writeFile(join(job, 'same'), 'same');
    await writeFile(join(job, 'changed'), 'before');
    const before = await manifestOf(job);
    await writeFile(join(job, 'changed'), 'afterwards');
    await writeFile(join(job, 'new'), '');
    expect((await selectResults(job, before, everything)).map(({ path }) => path)).toEqual(['changed', 'new']);
  });
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

  it('is stopped when it backtracks for ever', async () => {
    await expect(filterPaths([`${'a'.repeat(60)}b`], { whitelist: '^(a+)+$', blacklist: null })).rejects.toMatchObject({
      code: 'FX-FILTER',
    });
  }, 15_000);
});
