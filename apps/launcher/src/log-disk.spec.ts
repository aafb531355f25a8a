import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { LogDisk } from './log-disk.js';

const LOW_BYTES = 4_000_000;
const ROOM = 1e9;
let folder: string;
let free: number;
let restarts: number;
let said: string[];
let disk: LogDisk;

const reserve = () =>
  stat(join(folder, 'reserve')).then(
    ({ size }) => size,
    () => 0,
  );
const refused = [{ name: 'submission: log store', reason: 'no space' }];
const full = [{ name: 'disk', reason: 'Disk full' }];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-log-disk-'));
  [free, restarts, said] = [ROOM, 0, []];
  disk = new LogDisk({
    folder,
    lowBytes: LOW_BYTES,
    say: (line) => said.push(line),
    restart: () => Promise.resolve(void (restarts += 1)),
    freeBytes: () => Promise.resolve(free),
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the disk of the event log', () => {
  it('has a reserve, which the log gets when the disk is exhausted', async () => {
    await disk.look([]);
    expect(await reserve()).toBe(LOW_BYTES / 4);
    free = 0;
    await disk.look([]);
    expect(await reserve()).toBe(0);
    expect(said).toEqual([expect.stringContaining('the event log now uses its reserve')]);
    expect(restarts).toBe(0);
  });

  it('has a reserve that no file system stores as nothing, also in the place of one of an earlier version', async () => {
    await writeFile(join(folder, 'reserve'), Buffer.alloc(LOW_BYTES / 4));
    await disk.look([]);
    const bytes = await readFile(join(folder, 'reserve'));
    expect(bytes).toHaveLength(LOW_BYTES / 4);
    expect(deflateSync(bytes).byteLength).toBeGreaterThan(bytes.byteLength * 0.99);
    await disk.look([]);
    expect((await readFile(join(folder, 'reserve'))).equals(bytes)).toBe(true);
  });

  it('sees its server started again once there is room after it was exhausted, though nobody asked it anything', async () => {
    free = 0;
    await disk.look([]);
    free = ROOM;
    await disk.look([]);
    await disk.look([]);
    expect(restarts).toBe(1);
    expect(await reserve()).toBe(LOW_BYTES / 4);
  });

  it('sees its server started again when the services say that it refuses although there is room', async () => {
    await disk.look([...refused, ...full]);
    expect(restarts).toBe(0);
    await disk.look(refused);
    // At once again would not help either.
    await disk.look(refused);
    expect(restarts).toBe(1);
  });

  it('says what it means that its folder is gone', async () => {
    const gone = join(folder, 'gone');
    const other = new LogDisk({
      folder: gone,
      lowBytes: LOW_BYTES,
      say: () => undefined,
      restart: () => Promise.resolve(),
    });
    await expect(other.look([])).rejects.toThrow(`the folder ${gone} is gone while the platform runs`);
  });
});
