import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { etagInParts, hasEtag } from './file-sums.js';

const md5 = (...pieces: readonly Uint8Array[]): Buffer => createHash('md5').update(Buffer.concat(pieces)).digest();
const MIB = 1_048_576;
/** Two parts of the smallest usual size. */
const bytes = Buffer.alloc(5 * MIB + 1, 'some bytes ');
let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-sums-'));
  file = join(folder, 'file');
  await writeFile(file, bytes);
});
afterAll(() => rm(folder, { recursive: true }));

/** As S3 makes it: of the parts' MD5s, one after the other. */
const etagOf = (partBytes: number): string => {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) parts.push(md5(bytes.subarray(at, at + partBytes)));
  return `${md5(...parts).toString('hex')}-${parts.length}`;
};

describe('the ETag of a file', () => {
  it('is that of its parts, whatever the size of the pieces that it is read in', async () => {
    for (const partBytes of [5 * MIB, 2 * MIB, 1_000_003, bytes.length])
      expect(await etagInParts(file, partBytes)).toBe(etagOf(partBytes));
  });

  it('is recognized for parts of usual sizes, and for one part', async () => {
    for (const etag of [md5(bytes).toString('hex'), etagOf(5 * MIB), etagOf(8 * MIB)])
      expect(await hasEtag(file, etag)).toBe(true);
  });

  it('is not that of other content; of parts of unusual sizes, or no MD5, nobody can tell', async () => {
    expect(await hasEtag(file, md5(Buffer.from('other')).toString('hex'))).toBe(false);
    expect(await hasEtag(file, etagOf(1_000_003))).toBeUndefined();
    expect(await hasEtag(file, 'opaque')).toBeUndefined();
  });
});
