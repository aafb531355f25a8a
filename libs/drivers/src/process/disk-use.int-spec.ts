import { spawn } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { diskUse, filesIn, filesUse } from './disk-use.js';

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

  const HIDDEN: Readonly<Record<string, string>> = {
    'in the queue of a socket': `
import array, os, socket
ends = socket.socketpair()
def hide(fd): ends[0].sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])`,
    'in a mapping of a page': `
import mmap, os
kept = []
def hide(fd): kept.append(mmap.mmap(fd, 4096))`,
    'while its first thread has ended': `
import ctypes, os, threading, time
kept = []
def hide(fd):
  kept.append(os.dup(fd))
  def stay():
    os.close(fd)
    time.sleep(0.3)
    print('hidden', flush=True)
    os.read(0, 1)
    os._exit(0)
  threading.Thread(target=stay).start()
  ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)`,
    'by a child that has ended, in the queue of a socket': `
import array, os, socket
ends = socket.socketpair()
def hide(fd):
  pid = os.fork()
  if pid == 0:
    os.pwrite(fd, b'y' * ${4 * MB}, ${4 * MB})
    ends[0].sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
    os._exit(0)
  os.waitpid(pid, 0)`,
  };
  it.each(Object.keys(HIDDEN))('is what it has deleted and keeps %s', async (where) => {
    const script = `${HIDDEN[where] ?? ''}
fd = os.open('hidden', os.O_CREAT | os.O_RDWR)
os.unlink('hidden')
os.write(fd, b'x' * ${4 * MB})
hide(fd)
os.close(fd)
print('hidden', flush=True)
input()`;
    const child = spawn('python3', ['-c', script], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    const before = await diskUse(folder, []);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const held = (await diskUse(folder, [child.pid ?? 0])) - before;
    expect(held + before).toBeGreaterThanOrEqual(where.includes('child') ? 8 * MB : 4 * MB);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end('\n');
    await gone;
  });

  it('is what lies in folders that may not be listed, too', async () => {
    const at = await mkdtemp(join(folder, 'closed-'));
    await mkdir(join(at, 'deep'));
    for (let file = 0; file < 100; file += 1) await writeFile(join(at, `deep/${file}`), Buffer.alloc(20_000, 1));
    const [bytes, files] = [await diskUse(at, []), await filesIn(at)];
    await chmod(join(at, 'deep'), 0o300);
    expect([await diskUse(at, []), await filesIn(at)]).toEqual([bytes, files]);
    await chmod(at, 0);
    expect([await diskUse(at, []), await filesIn(at)]).toEqual([bytes, files]);
    expect(files).toBe(102);
    await chmod(at, 0o700);
    await chmod(join(at, 'deep'), 0o700);
  });

  it.each([3, 200])('is what is left of %i files: bytes and number, as they are on the disk', async (count) => {
    const at = await mkdtemp(join(folder, 'left-'));
    await mkdir(join(at, 'deep'));
    await writeFile(join(at, 'deep/first'), Buffer.alloc(MB, 1));
    await link(join(at, 'deep/first'), join(at, 'same'));
    for (let file = 2; file < count; file += 1) await writeFile(join(at, `deep/${file}`), 'x');
    const { bytes, files } = await filesUse([at, join(folder, 'deep')]);
    // With the folder `deep`, and a file of two names once; the folders that are asked about are not counted.
    expect(files).toBe(count + (await filesIn(join(folder, 'deep'))) - 1);
    const all = (await diskUse(at, [])) + (await diskUse(join(folder, 'deep'), []));
    expect(Math.abs(bytes - all)).toBeLessThanOrEqual(16_384);
  });

  it('is nothing where there is no folder', async () => expect(await diskUse(join(folder, 'none'), [])).toBe(0));

  it('is nothing in folders that are empty', async () =>
    expect(await filesUse([await mkdtemp(join(folder, 'empty-'))])).toEqual({ bytes: 0, files: 0 }));
});
