import { execFile } from 'node:child_process';
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { provideBusybox } from '@fornax/testing/registry';
import { afterAll, describe, expect, it } from '@jest/globals';

import { sizeOfCopies } from './copied-root.js';
import { openDriver, testsOf } from './driver.fixture.js';
import { isRoot } from './level.js';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'fornax-copies-'));
const at = (name: string): string => join(folder, name);

/** A driver whose work folder is on a file system that no overlay takes for its upper layer: another overlay, as the root of a container is. */
const openOnOverlay = async () => {
  for (const name of ['lower', 'upper', 'work', 'disk']) await mkdir(at(name));
  const layers = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
  try {
    await run('mount', ['-t', 'overlay', '-o', layers, 'overlay', at('disk')]);
  } catch (error) {
    process.stderr.write(`a root in copies is not tested here: ${String(error)}\n`);
    return undefined;
  }
  return openDriver('unshare', { workDir: join(at('disk'), 'node'), ready: 2 });
};
const opened = isRoot() ? await openOnOverlay() : undefined;

afterAll(async () => {
  await opened?.close();
  await run('umount', ['-l', at('disk')]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

describe('a root that no overlay can be laid over', () => {
  const makeRoot = async (root: string): Promise<void> => {
    await mkdir(join(root, 'bin'), { recursive: true });
    await mkdir(join(root, 'app/inner'), { recursive: true });
    await copyFile(await provideBusybox(), join(root, 'bin/sh'));
    await symlink('sh', join(root, 'bin/cat'));
    await symlink('sh', join(root, 'bin/rm'));
    for (const name of ['mark', 'unchanged', 'linked'])
      await writeFile(join(root, 'app/inner', name), 'of the image\n');
    await symlink('inner/mark', join(root, 'app/link'));
    await link(join(root, 'app/inner/linked'), join(root, 'app/also'));
  };

  testsOf(opened)(
    'is changed by each instance in copies of its own, which count for nothing until then',
    async ({ driver }) => {
      const root = at('image');
      await makeRoot(root);
      const script =
        'cat /app/link; echo changed > /app/link; cat /app/inner/mark; echo both > /app/also; cat /app/inner/linked; ' +
        'rm /bin/rm; echo own > /bin/own; echo done; read -r _ < /job/never';
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
        expect(await out).toBe('of the image\nchanged\nboth\ndone\n');
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
      for (const name of ['mark', 'linked'])
        expect(await readFile(join(root, 'app/inner', name), 'utf8')).toBe('of the image\n');
      expect((await stat(join(root, 'app/inner/mark'))).uid).toBe(0);
      // Nobody's copies lie there meanwhile: the next one's are made when it begins.
      const next = await driver.prepare({ id: 'copies-c', cores: 1, memoryMB: 128, root });
      expect(basename(dirname(next.jobDir))).toBe('copies-c');
      await next.dispose();
      await driver.forget(root);
    },
  );

  it('is measured by what is copied, and not taken for small where it cannot be', async () => {
    const root = at('linked');
    for (const name of ['one', 'two/inner']) await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, 'one/large'), Buffer.alloc(1_000_000, 1));
    for (const name of ['one/same', 'two/inner/same']) await link(join(root, 'one/large'), join(root, name));
    const { bytes = 0, files } = (await sizeOfCopies(root, ['/one', '/two'])) ?? {};
    // One file for the two names in a folder, another one in the other, and the folder there.
    expect({ files, isTwice: bytes >= 2_000_000 && bytes < 2_100_000 }).toEqual({ files: 3, isTwice: true });
    for (let each = 0; each < 100; each += 1) await link(join(root, 'one/large'), join(root, `one/${each}`));
    expect(await sizeOfCopies(root, ['/one', '/two'])).toEqual({ bytes, files });
    await expect(sizeOfCopies(root, ['/one', '/nosuch'])).rejects.toThrow('ENOENT');
  });
});
