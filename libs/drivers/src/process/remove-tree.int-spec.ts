import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { removeTree } from './remove-tree.js';

const run = promisify(execFile);

describe('removeTree', () => {
  let folder = '';
  let outside = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-remove-'));
    outside = join(folder, 'outside');
    await mkdir(outside);
    await Promise.all(['a', 'b'].map((name) => writeFile(join(outside, name), '')));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('removes files, links, locked folders, odd names and what is too deep for a path, and nothing behind a link', async () => {
    const tree = join(folder, 'tree');
    const make = `import os
os.makedirs('locked/in'); open('locked/in/file', 'w').close(); os.open(b'\\xff\\xfe', os.O_CREAT); os.mkfifo('pipe')
for _ in range(700): os.mkdir('a-long-name'); os.chdir('a-long-name'); open('file', 'w').close()`;
    await mkdir(tree);
    await run('python3', ['-c', make], { cwd: tree });
    await symlink(outside, join(tree, 'link'));
    await chmod(join(tree, 'locked/in'), 0o000);
    await chmod(join(tree, 'locked'), 0o500);
    await removeTree(tree);
    expect(await readdir(folder)).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['a', 'b']);
  }, 30_000);

  it('removes a file, a link, and is content with nothing', async () => {
    await writeFile(join(folder, 'file'), '');
    await symlink(outside, join(folder, 'link'));
    for (const name of ['file', 'link', 'nothing']) await removeTree(join(folder, name));
    expect(await readdir(folder)).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['a', 'b']);
  });

  it('stays in the tree when somebody puts a link in the place of a folder meanwhile', async () => {
    const inner = join(folder, 'tree', 'inner');
    await mkdir(inner, { recursive: true });
    const names = Array.from({ length: 3_000 }, (_, at) => `file${at}`);
    for (const name of [...names, 'a', 'b']) await writeFile(join(inner, name), '');
    const { mtimeMs } = await lstat(inner);
    const removed = removeTree(join(folder, 'tree'));
    while ((await lstat(inner)).mtimeMs === mtimeMs) {} // until the first is gone
    await rename(inner, join(folder, 'tree', 'elsewhere'));
    await symlink(outside, inner);
    await removed;
    expect(await readdir(folder)).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['a', 'b']);
  }, 30_000);
});
