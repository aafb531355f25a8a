import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ResultManifest } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ObjectServer } from '../node/agent.fixture.js';
import { type SelectOptions, type UploadOptions, selectResults, uploadFiles } from './results.js';
import { storeResults } from './store-results.js';

const { signal } = new AbortController();
const NO_FILTER = { whitelist: null, blacklist: null };
/** More than fits between the sender and whoever has not begun to read. */
const LARGE_BYTES = 40_000_000;
/** Of uploads in two parts. */
const IN_PARTS_BYTES = 100_000_000;
const GONE = 'files that went, or became something else, before they were stored';
const CHANGING = 'files that changed each time that they were read';

let objects: ObjectServer;
let s3: S3Client;
let folder = '';
let jobDir = '';
beforeAll(async () => {
  objects = await ObjectServer.open();
  s3 = objects.client(3);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-races-'));
  jobDir = join(folder, 'job');
  await mkdir(jobDir);
});
afterEach(async () => {
  objects.arriving = undefined;
  objects.objects.clear();
  objects.requests.length = 0;
  await rm(folder, { recursive: true });
});
afterAll(async () => {
  s3.close();
  await objects.close();
});

const at = (path: string): string => join(jobDir, path);
const sumOf = (bytes: Buffer | undefined): string =>
  createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
/** Writes over bytes of a file where they are. */
const overwrite = async (path: string, position: number, text: string): Promise<void> => {
  const file = await open(at(path), 'r+');
  await file.write(text, position);
  await file.close();
};
/** Lists the job, lets `meanwhile` happen, and stores what was listed. */
const store = async (
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
  own: Partial<UploadOptions> & Pick<SelectOptions, 'bound'> = {},
) => {
  const selection = await selectResults(jobDir, new Map(), NO_FILTER, { seenAs: '/job', signal, ...own });
  await meanwhile();
  const told = new Map<string, string>();
  const uploaded = await uploadFiles(
    s3,
    jobDir,
    selection,
    { bucket: 'out', prefix: null },
    { signal, onStored: ({ path }, _bytes, sha256) => void told.set(path, sha256), ...own },
  );
  // Whatever happens: what is told of an object is what it is, and nothing is stored that is not told.
  const stored = [...objects.objects].map(([path, bytes]) => [path.replace(/^out\//, ''), sumOf(bytes)]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(stored));
  return uploaded;
};
const requestsFor = (path: string): number =>
  objects.requests.filter((request) => request.startsWith(`PUT out/${path}`)).length;

describe('results that change while they are stored', () => {
  it('are told of when they have gone, with their folder too, and keep no others back', async () => {
    await mkdir(at('deep'));
    for (const path of ['goes', 'stays', 'deep/goes']) await writeFile(at(path), path);
    await writeFile(at('large'), Buffer.alloc(100_000, 'x'));
    const uploaded = await store(async () => {
      for (const path of ['goes', 'large', 'deep']) await rm(at(path), { recursive: true });
    });
    expect(uploaded).toMatchObject({ files: 1, paths: ['stays'] });
    expect(uploaded.failure).toBeUndefined();
    expect(uploaded.leftOut.map(({ path }) => path).sort()).toEqual(['deep/goes', 'goes', 'large']);
    expect(new Set(uploaded.leftOut.map(({ why }) => why))).toEqual(new Set([GONE]));
  });

  // An agent that is root reads everything: the rights of its instance decide, also when a file is opened.
  (process.getuid?.() === 0 ? it : it.skip)('are left out when the instance may not read them any more', async () => {
    const [own, other] = [4_242, 4_243];
    await chown(jobDir, own, own);
    for (const path of ['alone', 'kept', 'kept too', 'of another']) await writeFile(at(path), path);
    await writeFile(at('large'), Buffer.alloc(100_000, 'x'));
    for (const path of ['alone', 'kept', 'kept too', 'of another', 'large']) await chown(at(path), own, own);
    const uploaded = await store(async () => {
      await chmod(at('alone'), 0);
      for (const path of ['of another', 'large']) {
        await chown(at(path), other, other);
        await chmod(at(path), 0o640);
      }
    });
    expect(uploaded).toMatchObject({ files: 2, paths: ['kept', 'kept too'] });
    const why = 'files or folders that may not be read';
    const named = ['alone', 'large', 'of another'].map((path) => ({ path, why }));
    expect(uploaded.leftOut.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(named);
  });

  it('lead nowhere outside of the job when they, or their folder, have become a link, and wait for no pipe', async () => {
    await mkdir(join(folder, 'outside'));
    for (const path of ['file', 'inside']) await writeFile(join(folder, 'outside', path), 'secret');
    await mkdir(at('deep'));
    for (const path of ['link', 'pipe', 'folder', 'deep/inside', 'kept', 'kept too']) await writeFile(at(path), 'mine');
    await writeFile(at('large link'), Buffer.alloc(100_000, 'x'));
    const uploaded = await store(async () => {
      for (const path of ['link', 'large link', 'pipe', 'folder']) await rm(at(path));
      for (const path of ['link', 'large link']) await symlink(join(folder, 'outside', 'file'), at(path));
      await once(spawn('mkfifo', [at('pipe')]), 'exit');
      await mkdir(at('folder'));
      await rename(at('deep'), join(folder, 'moved'));
      await symlink(join(folder, 'outside'), at('deep'));
    });
    expect(uploaded).toMatchObject({ files: 2, paths: ['kept', 'kept too'] });
    expect(uploaded.leftOut.map(({ path }) => path).sort()).toEqual([
      'deep/inside',
      'folder',
      'large link',
      'link',
      'pipe',
    ]);
    expect([...objects.objects.values()].map(String)).toEqual(['mine', 'mine']);
  });

  it('are stored as they are in the end when they are written to between being hashed and being sent', async () => {
    await writeFile(at('large'), Buffer.alloc(LARGE_BYTES, 'x'));
    let written = false;
    objects.arriving = async () => {
      if (!written) await overwrite('large', LARGE_BYTES - 3, 'new');
      written = true;
    };
    expect(await store()).toMatchObject({ files: 1, leftOut: [] });
    expect(objects.objects.get('out/large')?.subarray(-4).toString()).toBe('xnew');
  }, 60_000);

  it('are stored in their new length when they shrink while they are sent', async () => {
    await writeFile(at('large'), Buffer.alloc(LARGE_BYTES, 'x'));
    let arrived = 0;
    objects.arriving = async () => {
      if ((arrived += 1) === 1) await truncate(at('large'), LARGE_BYTES - 100);
    };
    expect(await store()).toMatchObject({ files: 1, bytes: LARGE_BYTES - 100, leftOut: [] });
    expect(arrived).toBe(2);
  }, 60_000);

  it('are left out, and told of, when they change again and again; the others are stored', async () => {
    await writeFile(at('large'), Buffer.alloc(LARGE_BYTES, 'x'));
    await writeFile(at('other'), 'other');
    let times = 0;
    objects.arriving = async (request) => {
      if (request.startsWith('PUT out/large')) await overwrite('large', LARGE_BYTES - 9, String((times += 1)));
    };
    const uploaded = await store();
    expect(uploaded).toMatchObject({ files: 1, paths: ['other'], leftOut: [{ path: 'large', why: CHANGING }] });
    expect(uploaded.failure).toBeUndefined();
    expect(times).toBeLessThan(10);
  }, 60_000);

  it('are never put together of two versions when they are sent in parts', async () => {
    await writeFile(at('parts'), Buffer.alloc(IN_PARTS_BYTES, 'x'));
    let written = false;
    objects.arriving = async (request) => {
      if (written || !request.includes('partNumber=2')) return;
      written = true;
      await overwrite('parts', 5, 'new');
      // As those do who set back the time of what they wrote.
      await utimes(at('parts'), 0, 0);
    };
    expect(await store()).toMatchObject({ files: 1, bytes: IN_PARTS_BYTES, leftOut: [] });
    const stored = objects.objects.get('out/parts');
    expect([stored?.length, stored?.subarray(4, 9).toString()]).toEqual([IN_PARTS_BYTES, 'xnewx']);
  }, 120_000);

  it('are not put together of two versions when the writer has them in its memory', async () => {
    await writeFile(at('parts'), Buffer.alloc(IN_PARTS_BYTES, 'x'));
    const script = `
import mmap, sys
file = open(sys.argv[1], 'r+b')
memory = mmap.mmap(file.fileno(), 0)
for line in sys.stdin:
    memory[5:8] = line.strip().encode()
    print('written', flush=True)
`;
    const writer = spawn('python3', ['-c', script, at('parts')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const write = async (text: string): Promise<void> => {
      writer.stdin.write(`${text}\n`);
      await Promise.race([once(writer.stdout, 'data'), once(writer, 'exit')]);
    };
    // The first write shows in the times of the file; those after it, to the same page, do not.
    await write('old');
    let written = false;
    objects.arriving = async (request) => {
      if (written || !request.includes('partNumber=2')) return;
      written = true;
      await write('new');
    };
    try {
      expect(await store(undefined, { isLive: true })).toMatchObject({ files: 1, leftOut: [] });
    } finally {
      writer.stdin.end();
      await once(writer, 'exit');
    }
    expect(objects.objects.get('out/parts')?.subarray(4, 9).toString()).toBe('xnewx');
  }, 120_000);

  it('are stored once, as far as they went at first, when something is only added to them', async () => {
    await writeFile(at('log'), Buffer.alloc(IN_PARTS_BYTES, 'x'));
    objects.arriving = (request) => (request.includes('partNumber') ? appendFile(at('log'), 'line\n') : undefined);
    expect(await store(undefined, { isLive: true })).toMatchObject({ files: 1, bytes: IN_PARTS_BYTES });
    expect(requestsFor('log')).toBe(2);
  }, 120_000);

  it('hold no more than the instance may have, however they grow after they were listed', async () => {
    await writeFile(at('grows'), 'x');
    await writeFile(at('other'), 'other');
    const bound = { bytes: 1_000_000, files: 0 };
    expect(await store(() => truncate(at('grows'), 900_000), { bound })).toMatchObject({ files: 2, leftOut: [] });
    objects.objects.clear();
    const { failure } = await store(() => truncate(at('grows'), 5e12), { bound });
    expect(failure).toMatchObject({ code: 'FX-DISK-LIMIT', cause: 'limit' });
    expect(objects.objects.has('out/grows')).toBe(false);
  }, 60_000);

  it('are in the manifest as they are in storage', async () => {
    await writeFile(at('large'), Buffer.alloc(LARGE_BYTES, 'x'));
    await writeFile(at('goes'), 'x');
    await writeFile(at('small'), 'x');
    let written = false;
    objects.arriving = async () => {
      if (written) return;
      written = true;
      await overwrite('large', LARGE_BYTES - 3, 'new');
    };
    const about = { jobDir, seenAs: '/job', before: new Map(), of: { taskId: 'task-1', instance: 0, attempt: 1 } };
    const place = async () => {
      await rm(at('goes'));
      return { s3, prefix: 'r/', isOwn: false };
    };
    const uploaded = await storeResults(place, about, NO_FILTER, { signal, bucket: 'out' });
    const list = objects.objects.get(`.manifests/task-1/${uploaded.manifest}.json`)?.toString() ?? '';
    const manifest = JSON.parse(list) as ResultManifest;
    expect(manifest.isWhole).toBe(true);
    expect(manifest.files.map(({ path, sha256 }) => [path, sha256])).toEqual(
      ['large', 'small'].map((path) => [path, sumOf(objects.objects.get(`out/r/${path}`))]),
    );
    expect(manifest.leftOut).toEqual([{ path: 'goes', why: GONE }]);
  }, 60_000);
});
