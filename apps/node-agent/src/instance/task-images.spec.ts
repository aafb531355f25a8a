import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { UsedImage } from '../images/image-store.js';
import { assertFolderIn, notesOfImage } from './task-images.js';

describe('where a command starts in an image', () => {
  let folder = '';
  const prepared = () => ({ jobDir: join(folder, 'job'), paths: { job: '/job', tmp: '/tmp' } });
  const image = () => ({ tree: join(folder, 'root'), words: 'some/image:v1' });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-workdir-'));
    for (const each of ['root/app/deep', 'root/run/app', 'root/tmp/build', 'root/job/old', 'root/proc/1', 'job/in'])
      await mkdir(join(folder, each), { recursive: true });
    await writeFile(join(folder, 'root/app/file'), '');
    await symlink('/run', join(folder, 'root/volatile'));
    await symlink('../job/in', join(folder, 'root/inputs'));
    await symlink('/app/deep', join(folder, 'job/program'));
    await symlink('circle', join(folder, 'job/circle'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each(['/', '/job', '/tmp', '/app', '/app/../app/deep', '/job/in', '/inputs', '/job/program', '//tmp/'])(
    '%s is a place that it has',
    async (directory) => {
      await assertFolderIn(image(), prepared() as never, directory);
    },
  );

  it.each([
    ['/nosuch', 'in the image some/image:v1'],
    ['/app/file', 'in the image'],
    ['/job/nosuch', 'among its inputs'],
    ['/job/old', 'among its inputs'],
    ['/job/circle', 'among its inputs'],
    ['/run/app', 'of its own'],
    ['/volatile/app', 'of its own'],
    ['/tmp/build', 'of its own'],
    ['/job/../proc/1', 'of its own'],
  ])('%s is none, and why is the fault of who named it', async (directory, why) => {
    await expect(assertFolderIn(image(), prepared() as never, directory)).rejects.toMatchObject({
      code: 'FX-CONSTANT',
      cause: 'user',
      message: expect.stringContaining(why),
    });
  });

  it('its notes say whose user has no effect', () => {
    const notesOf = (user: string, value = ''): readonly string[] =>
      notesOfImage({ words: 'a:b', digest: 'sha256:0', settings: { user } } as UsedImage, {
        constants: [{ key: 'DOCKER_USER', value }],
      });
    expect(notesOf('')).toHaveLength(1);
    expect(notesOf('root')).toHaveLength(1);
    expect(notesOf('node')[1]).toContain('The USER of the image');
    expect(notesOf('node', 'me')[1]).toContain('DOCKER_USER');
  });
});
