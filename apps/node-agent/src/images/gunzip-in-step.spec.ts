import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digestOf } from '@fornax/testing/registry';

import { codeOf } from '../files/job-files.js';
import { gunzipInStep } from './gunzip-in-step.js';

let folder = '';
/** What comes of a file, and how it ends. */
const outcomeOf = async (pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<readonly unknown[]> => {
  const all: Buffer[] = [];
  try {
    for await (const piece of pieces) all.push(Buffer.from(piece));
  } catch (error) {
    return [codeOf(error), (error as Error).message];
  }
  const bytes = Buffer.concat(all);
  return ['whole', bytes.length, digestOf(bytes)];
};
const bothOf = async (bytes: Buffer): Promise<readonly (readonly unknown[])[]> => {
  const file = join(folder, 'packed');
  await writeFile(file, bytes);
  const inStep = gunzipInStep(file);
  if (!inStep) throw new Error('this Node has its streams in another form: gunzip-in-step.ts is to be looked at');
  // Pieces as large as those in step: how what stands behind the end is cut decides whether it is looked at.
  const stream = pipeline(createReadStream(file, { highWaterMark: 131_072 }), createGunzip(), () => undefined);
  return [await outcomeOf(inStep), await outcomeOf(stream)];
};

const plain = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * at) % 251));
const noise = Buffer.from(Array.from({ length: 400_000 }, (_, at) => Math.imul(at, 2_654_435_761) >>> 24));
const packed = gzipSync(plain);
const changed = (bytes: Buffer, at: number, to: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? bytes.length + at : at] = to;
  return copy;
};
const member = gzipSync('another');

describe('gzip that is undone in step', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-gunzip-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['is whole', packed, 'whole'],
    ['is larger than a piece of what is read', gzipSync(noise, { level: 0 }), 'whole'],
    ['becomes a thousand times as much', gzipSync(Buffer.alloc(20_000_000)), 'whole'],
    ['has several members', Buffer.concat([packed, member, gzipSync(''), packed]), 'whole'],
    ['has nothing in it', gzipSync(''), 'whole'],
    ['ends in zeros', Buffer.concat([packed, Buffer.alloc(300_000)]), 'whole'],
    ['ends in zeros and something', Buffer.concat([packed, Buffer.alloc(100), Buffer.from('some')]), 'whole'],
    ['has something behind its end', Buffer.concat([packed, Buffer.from('something else')]), 'Z_DATA_ERROR'],
    ['has a member that is cut behind another', Buffer.concat([packed, member.subarray(0, 12)]), 'Z_BUF_ERROR'],
    ['is cut', packed.subarray(0, packed.length / 2), 'Z_BUF_ERROR'],
    ['is cut in its sum', packed.subarray(0, -5), 'Z_BUF_ERROR'],
    ['is cut in its header', packed.subarray(0, 5), 'Z_BUF_ERROR'],
    ['is empty', Buffer.alloc(0), 'Z_BUF_ERROR'],
    ['has another sum', changed(packed, -6, packed.readUInt8(packed.length - 6) ^ 1), 'Z_DATA_ERROR'],
    ['has another length', changed(packed, -2, 0x7f), 'Z_DATA_ERROR'],
    ['is of another method', changed(packed, 2, 7), 'Z_DATA_ERROR'],
    ['is none', Buffer.from('not packed at all'), 'Z_DATA_ERROR'],
    ['asks for a block that is none', changed(member, 10, 0x07), 'Z_DATA_ERROR'],
  ])('and that %s ends as a stream of Node ends it', async (_, bytes, ending) => {
    const [inStep, stream] = await bothOf(bytes);
    expect(inStep).toEqual(stream);
    expect(inStep?.[0]).toBe(ending);
  });

  it('and that is damaged anywhere ends as a stream of Node ends it', async () => {
    const twice = Buffer.concat([gzipSync(plain.subarray(0, 5_000)), member]);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: twice.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: twice.length }),
        async (at, to, end) => {
          const [inStep, stream] = await bothOf(changed(twice, at, to).subarray(0, end));
          expect(inStep).toEqual(stream);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('and that nobody reads on has no file open any more', async () => {
    const file = join(folder, 'packed');
    await writeFile(file, packed);
    const pieces = gunzipInStep(file);
    expect(pieces?.next().done).toBe(false);
    pieces?.return();
    expect(pieces?.next().done).toBe(true);
  });
});
