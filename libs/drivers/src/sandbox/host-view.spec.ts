import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hostView, waysTo } from './host-view.js';

describe('what instances may see of the machine', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-view-'));
    for (const name of ['data', 'tools']) await mkdir(join(folder, name));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is never a folder in which something lies that they may not see', async () => {
    const data = join(folder, 'data');
    await expect(hostView([data], [folder])).rejects.toThrow(`${data} lies in it`);
    await expect(hostView([data], [data])).rejects.toThrow('Name the folders that they need one by one.');
    expect((await hostView([data], [join(folder, 'tools')])).exposed).toContain(join(folder, 'tools'));
  });

  it('is of /var and of homes nothing, and nothing is hidden by name that is not shown', async () => {
    const { topLevel, hidden } = await hostView([join(folder, 'data')], []);
    expect(hidden).toContain('/var');
    expect(hidden).not.toContain(join(folder, 'data'));
    expect(topLevel).not.toContain('/tmp');
  });

  it('has ways to what lies deeper', () => {
    expect(waysTo('/var/lib/dpkg', ['/var'])).toEqual(['/var/lib']);
    expect(waysTo('/mnt/disk/tools', ['/var'])).toEqual(['/mnt', '/mnt/disk']);
    expect(waysTo('/mnt', [])).toEqual([]);
  });
});
