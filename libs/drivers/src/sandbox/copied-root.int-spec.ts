import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { provideBusybox } from '@fornax/testing/registry';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';

import { asRoot, openDriver } from './driver.fixture.js';

const run = promisify(execFile);

/** A work folder on a file system that no overlay takes for its upper layer: another overlay, as the root of a container is. */
describe('a root that no overlay can be laid over', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-copies-'));
    for (const name of ['lower', 'upper', 'work', 'disk']) await mkdir(join(folder, name));
  });
  afterEach(async () => {
    await run('umount', ['-l', join(folder, 'disk')]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });

  const makeRoot = async (root: string): Promise<void> => {
    await mkdir(join(root, 'bin'), { recursive: true });
    await mkdir(join(root, 'app/inner'), { recursive: true });
    await copyFile(await provideBusybox(), join(root, 'bin/sh'));
    await symlink('sh', join(root, 'bin/cat'));
    await symlink('sh', join(root, 'bin/rm'));
    await writeFile(join(root, 'app/inner/mark'), 'of the image\n');
    await writeFile(join(root, 'app/inner/unchanged'), 'of the image\n');
    await symlink('inner/mark', join(root, 'app/link'));
  };

  asRoot('is changed by each instance in copies of its own, which count for nothing until then', async () => {
    const at = (name: string): string => join(folder, name);
    const layers = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
    await run('mount', ['-t', 'overlay', '-o', layers, 'overlay', at('disk')]);
    const opened = await openDriver('unshare', { workDir: join(folder, 'disk', 'node'), ready: 0 });
    if (!opened) return;
    const { driver } = opened;
    try {
      const root = at('image');
      await makeRoot(root);
      const script =
        'cat /app/link; echo changed > /app/link; cat /app/inner/mark; rm /bin/rm; echo own > /bin/own; echo done; read -r _ < /job/never';
      const both = await Promise.all(
        ['a', 'b'].map(async (each) => {
          const prepared = await driver.prepare({ id: `copies-${each}`, cores: 1, memoryMB: 128, root });
          expect(prepared.mayChangeRoot).toBe(true);
          const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: { PATH: '/bin' } });
          return { prepared, out: text(running.stdout), err: text(running.stderr), exit: running.exit };
        }),
      );
      for (const { prepared, out, exit } of both) {
        await exit;
        expect(await out).toBe('of the image\nchanged\ndone\n');
        const changes = join(dirname(prepared.jobDir), 'changes');
        // Of what it has not changed, too; and none is a name of a file of the image.
        const own = (await readdir(changes, { recursive: true })).filter((path) =>
          /inner\/(mark|unchanged)$/.test(path),
        );
        expect(own).toHaveLength(2);
        for (const path of own) expect((await stat(join(changes, path))).nlink).toBe(1);
        expect(await prepared.diskBytes()).toBeLessThan(100_000);
        await prepared.dispose();
      }
      expect(await readFile(join(root, 'app/inner/mark'), 'utf8')).toBe('of the image\n');
      expect((await stat(join(root, 'app/inner/mark'))).uid).toBe(0);
      await driver.forget(root);
    } finally {
      await opened.close();
    }
  });
});
