import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkFreeSpace, openDataFolder } from './data-folder.js';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'fornax-data-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('the data folder', () => {
  it('is made for its owner alone and can be opened again', async () => {
    const path = join(parent, 'a', 'b');
    const first = await openDataFolder(path);
    expect([await modeOf(path), await modeOf(first.secrets)]).toEqual([0o700, 0o700]);
    await first.close();
    await (await openDataFolder(path)).close();
  });

  it('belongs to one platform at a time, by whatever path it is reached', async () => {
    const first = await openDataFolder(join(parent, 'data'));
    await symlink(join(parent, 'data'), join(parent, 'alias'));
    await expect(openDataFolder(join(parent, 'alias'))).rejects.toThrow(
      new RegExp(`already runs[\\s\\S]*process ${process.pid}[\\s\\S]*FORNAX_DATA_DIR`),
    );
    await first.close();
    await (await openDataFolder(join(parent, 'alias'))).close();
  });

  it('of another version is refused, naming the setting', async () => {
    await (await openDataFolder(join(parent, 'data'))).close();
    await writeFile(join(parent, 'data', 'VERSION'), '99\n');
    await expect(openDataFolder(join(parent, 'data'))).rejects.toThrow(/version 99[\s\S]*FORNAX_DATA_DIR/);
  });

  it('is not taken from somebody else, whose folder stays as it is', async () => {
    await writeFile(join(parent, 'thesis.txt'), 'x');
    await chmod(parent, 0o755);
    await expect(openDataFolder(parent)).rejects.toThrow(/not made by Fornax[\s\S]*FORNAX_DATA_DIR/);
    expect(await modeOf(parent)).toBe(0o755);
  });

  it('cannot be a file', async () => {
    await writeFile(join(parent, 'file'), '');
    await expect(openDataFolder(join(parent, 'file'))).rejects.toThrow(/FORNAX_DATA_DIR/);
  });

  // As root, modes of files keep nobody out: what is mounted does. Others may mount nothing.
  const asRoot = process.getuid?.() === 0 ? it : it.skip;
  asRoot('on a disk that was made read-only is refused with what to do, and stays as it is', async () => {
    const path = join(parent, 'data');
    await (await openDataFolder(path)).close();
    const open = `import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then((own) => own.openDataFolder(${JSON.stringify(path)})).catch((error) => console.log(error.message))`;
    const mount = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"';
    const args = ['--mount', 'sh', '-c', mount, 'sh', path, process.execPath, '-e', open];
    const { stdout } = await promisify(execFile)('unshare', args);
    expect(stdout).toMatch(/read-only[\s\S]*dmesg/);
    expect(stdout).not.toContain('FORNAX_DATA_DIR');
    await (await openDataFolder(path)).close();
  });

  it('on a full disk is refused, naming the setting', async () => {
    await expect(checkFreeSpace(parent, Number.MAX_SAFE_INTEGER)).rejects.toThrow(/full[\s\S]*FORNAX_DATA_DIR/);
  });
});
