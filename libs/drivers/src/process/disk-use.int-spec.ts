import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { diskUse } from './disk-use.js';

const MB = 1_048_576;

describe('what an instance takes of a disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-disk-use-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is what its files take, not what they claim to be long', async () => {
    await mkdir(join(folder, 'deep/er'), { recursive: true });
    await writeFile(join(folder, 'deep/er/full'), Buffer.alloc(2 * MB, 1));
    const bytes = await diskUse(folder, []);
    expect(bytes).toBeGreaterThanOrEqual(2 * MB);
    expect(bytes).toBeLessThan(3 * MB);
  });

  it('is what it has deleted and still holds, too', async () => {
    const script = 'exec 3> hidden; rm hidden; head -c 4194304 /dev/zero | tr "\\0" x >&3; echo written; read -r _';
    const child = spawn('/bin/sh', ['-c', script], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    const before = await diskUse(folder, []);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect((await diskUse(folder, [child.pid ?? 0])) - before).toBeGreaterThanOrEqual(4 * MB);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    await gone;
  });

  it('is nothing where there is no folder', async () => expect(await diskUse(join(folder, 'none'), [])).toBe(0));
});
