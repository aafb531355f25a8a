import { mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { readyFileProblem } from './ready-file.js';

describe('the file by which a program says that it is ready', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-ready-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const never = new Promise(() => undefined);

  it('is seen when it comes, also behind something else of its name', async () => {
    const problem = readyFileProblem(folder, 'ready', { withinMs: 20_000, over: never });
    for (let time = 0; time < 50; time += 1) {
      await mkdir(join(folder, 'ready'));
      await rmdir(join(folder, 'ready'));
    }
    await writeFile(join(folder, 'ready'), '');
    expect(await problem).toBeUndefined();
  });

  it('is looked for where its folder cannot be watched', async () => {
    const later = join(folder, 'later');
    const problem = readyFileProblem(later, 'ready', { withinMs: 20_000, over: never });
    await mkdir(later);
    await writeFile(join(later, 'ready'), '');
    expect(await problem).toBeUndefined();
  });
});
