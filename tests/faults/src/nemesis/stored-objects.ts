import { createHash } from 'node:crypto';
import { open, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { pick } from '@fornax/testing';
import { insist } from '../work.js';
import { damage, type WayOut } from './damage.js';
import type { Fault, Restart, Target } from './fault.js';
import { s3Of } from './s3-of.js';

/** An object as the listing of its bucket tells it: what a client would miss. */
export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  /** MD5 of the payload, in hexadecimal digits, for one that was uploaded as a whole. */
  readonly etag: string;
  readonly sizeBytes: number;
}

/** What each instance of these scenarios leaves, at least. */
export const RESULT_BYTES = 1_000_000;
const WHOLE = /^[0-9a-f]{32}$/;

/** Objects of a bucket that are as large as a result. */
const resultsIn = async (target: Target, bucket: string): Promise<readonly StoredObject[]> => {
  const s3 = s3Of(target);
  try {
    const listed = await insist(() => s3.listObjects(bucket), `list ${bucket}`);
    return listed
      .filter(({ etag, sizeBytes }) => sizeBytes >= RESULT_BYTES && WHOLE.test(etag))
      .map(({ key, etag, sizeBytes }) => ({ bucket, key, etag, sizeBytes }));
  } finally {
    s3.close();
  }
};

/** Until a bucket has a result more: a copy is older than nothing before that. */
export const untilStored = (bucket: string): Fault => ({
  name: `until something is stored in ${bucket}`,
  isPreparation: true,
  inject: async (target) => {
    const { length: before } = await resultsIn(target, bucket);
    await insist(async () => {
      if ((await resultsIn(target, bucket)).length <= before) throw new Error('nothing is stored');
    }, `something is stored in ${bucket}`);
  },
});

const md5Of = async (file: string, bytes: number): Promise<string> => {
  const hash = createHash('md5');
  const handle = await open(file, 'r');
  try {
    for await (const chunk of handle.createReadStream({ start: 0, end: bytes - 1, autoClose: false }))
      hash.update(chunk as Buffer);
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
};

/**
 * The file that holds an object's bytes. Many more lie beside it: of attempts that came to nothing, of uploads under way, and such as wait for the
 * collector, none of which anybody can read. A file is told by its content, which is random.
 */
const fileOf = async (folder: string, { key, etag, sizeBytes }: StoredObject): Promise<string> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || file.includes('set-aside') || (await stat(file)).size < sizeBytes) continue;
    if ((await md5Of(file, sizeBytes)) === etag) return file;
  }
  throw new Error(`no file in ${folder} holds ${key} (${etag})`);
};

/** Its second half is gone. */
export const cutOff = (file: string, { sizeBytes }: StoredObject): Promise<void> =>
  truncate(file, Math.floor(sizeBytes / 2));

/** One bit in the middle of the payload is another one. */
export const flipABit = async (file: string, { sizeBytes }: StoredObject): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    const at = Math.floor(sizeBytes / 2);
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    await handle.write(Buffer.from([byte.readUInt8() ^ 1]), 0, 1, at);
  } finally {
    await handle.close();
  }
};

interface ObjectDamage {
  readonly name: string;
  readonly bucket: string;
  readonly ends: Restart['ends'];
  readonly change: (file: string, object: StoredObject) => Promise<void>;
  /** Leads out of it, for this one object. */
  readonly wayOut: (object: StoredObject) => WayOut;
}

/** The file of one object that its bucket lists is damaged while nothing runs. */
export const damageAnObject = ({ name, bucket, ends, change, wayOut }: ObjectDamage): Fault => ({
  name,
  inject: async (target) => {
    const stored = await insist(async () => {
      const found = await resultsIn(target, bucket);
      if (found.length === 0) throw new Error('nothing is stored');
      return found;
    }, `something is stored in ${bucket}`);
    const object = pick(target.random, stored);
    const inject = damage({
      name,
      ends,
      change: async () => {
        const file = await fileOf(join(target.dataDir, 'objects'), object);
        await change(file, object);
        target.note(`${file} of ${object.key} was changed`);
      },
      wayOut: wayOut(object),
    });
    await inject.inject(target);
  },
});
