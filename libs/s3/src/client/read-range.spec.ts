import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { readRange } from './read-range.js';

const TEXT = Buffer.alloc(1_000_000, 'abcdefghij');
let folder = '';
let file: FileHandle;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-range-'));
  await writeFile(join(folder, 'file'), TEXT);
  file = await open(join(folder, 'file'));
});
afterEach(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

it.each([
  [0, 1_000_000],
  [0, 1],
  [999_999, 1],
  [262_143, 262_146],
  [5, 0],
])('reads what lies from %i on, %i bytes', async (from, sizeBytes) => {
  const chunks = await Array.fromAsync(readRange(file, from, sizeBytes));
  expect(Buffer.concat(chunks).equals(TEXT.subarray(from, from + sizeBytes))).toBe(true);
});

it('ends where the file does', async () => {
  const chunks = await Array.fromAsync(readRange(file, 999_990, 100));
  expect(Buffer.concat(chunks).toString()).toBe('abcdefghij');
});

it('leaves the descriptor to its handle, however its reader leaves', async () => {
  const { ino } = await file.stat();
  for await (const chunk of readRange(file, 0, TEXT.length)) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  await new Promise((resolve) => {
    const stream = Readable.from(readRange(file, 0, TEXT.length));
    stream.once('data', () => stream.destroy());
    stream.once('close', resolve);
  });
  // Whoever closed it without owning it has done so by now: the number would be another file's.
  const others = await Promise.all(Array.from({ length: 20 }, () => open(join(folder))));
  expect((await file.stat()).ino).toBe(ino);
  await Promise.all(others.map((other) => other.close()));
});

it('reads nothing of whoever got the number of a handle that was closed', async () => {
  const reading = readRange(file, 0, TEXT.length);
  await reading.next();
  await file.close();
  const other = await open(join(folder, 'file'));
  await expect(reading.next()).rejects.toMatchObject({ code: 'EBADF' });
  await other.close();
});
