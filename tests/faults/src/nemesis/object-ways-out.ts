import type { S3Client } from '@fornax/s3';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@fornax/testing';
import { insist } from '../work.js';
import { insistOnCode, type WayOut } from './damage.js';
import type { Target } from './fault.js';
import { s3Of } from './s3-of.js';
import type { StoredObject } from './stored-objects.js';

/** What the log says of a file that is short, and of one that was changed. */
const NAMES_DAMAGE = /bytes where \d+ were stored|other bytes than were stored/;
const NAMED = /^ {2}(\S+)$/gm;

const withS3 = async <T>(target: Target, use: (s3: S3Client) => Promise<T>): Promise<T> => {
  const s3 = s3Of(target);
  try {
    return await use(s3);
  } finally {
    s3.close();
  }
};

/** All that buckets list, as `<bucket>/<key>`. */
const listed = (target: Target): Promise<ReadonlySet<string>> =>
  withS3(target, (s3) =>
    insist(async () => {
      const names = new Set<string>();
      for (const bucket of await s3.listBuckets())
        for (const { key } of await s3.listObjects(bucket)) names.add(`${bucket}/${key}`);
      return names;
    }, 'list all objects'),
  );

/**
 * `fornax storage reindex` names what is damaged, and with `--forget-missing` it is given up. Buckets lose exactly what was damaged: that is what users
 * may miss. Results that are still staged are named as such, and end with the name that they would have had.
 * @param expected what must be among it, as `<bucket>/<key>`
 */
export const forgetDamagedObjects =
  (expected?: string): WayOut =>
  async (target) => {
    // It answers before all of it has started.
    const typed = await eventually(
      async () => {
        const answer = await target.fornax('storage', 'reindex');
        return answer.output.includes('WITHOUT BUCKET') ? answer : undefined;
      },
      { timeoutMs: 120_000 },
    );
    const named = insistOnCode(typed, 1, 'storage reindex');
    if (!named.includes('Objects with a file missing or short'))
      throw new Error(`storage reindex does not name what is damaged:\n${named}`);
    // Not before: an older copy of the folder is not served until somebody has gone on with it.
    const before = await listed(target);
    const forgotten = insistOnCode(
      await target.fornax('storage', 'reindex', '--forget-missing'),
      0,
      'storage reindex --forget-missing',
    );
    const after = await listed(target);
    const gone = [...before].filter((name) => !after.has(name));
    const examples = [...`${named}\n${forgotten}`.matchAll(NAMED)].map(([, name = '']) => name);
    const staged = examples.map((name) => name.split('/').slice(-2).join('/'));
    target.giveUp(new Set([...gone, ...staged]));
    if (expected !== undefined && (gone.length !== 1 || gone[0] !== expected))
      throw new Error(`${expected} is damaged, and given up was ${gone.join(', ') || 'nothing'}`);
  };

/** What all parts have written to their logs. */
const logsOf = async ({ dataDir }: Target): Promise<string> => {
  const files = (await readdir(join(dataDir, 'logs'))).filter((name) => name.endsWith('.log'));
  return (await Promise.all(files.map((name) => readFile(join(dataDir, 'logs', name), 'utf8')))).join('\n');
};

/** Reads it to its end. @returns why it could not */
const refusalOf = (s3: S3Client, { bucket, key }: Pick<StoredObject, 'bucket' | 'key'>): Promise<string | undefined> =>
  s3.getBytes(bucket, key).then(
    (): undefined => undefined,
    (error: unknown) => String(error),
  );

/** No read of a damaged object comes to its end, and the log names it. */
export const mustNotBeRead =
  (object: StoredObject): WayOut =>
  (target) =>
    withS3(target, async (s3) => {
      const refusal = await refusalOf(s3, object);
      if (refusal === undefined) throw new Error(`${object.key} is damaged, and was read`);
      target.note(`reading ${object.key}: ${refusal}`);
      await eventually(async () => {
        const lines = (await logsOf(target)).split('\n');
        return lines.some((line) => line.includes(object.key) && NAMES_DAMAGE.test(line));
      });
    });

/** Changed bytes are found when they are read, by nothing else: the object is deleted, or would be stored again. Every other one of its bucket is whole. */
export const deleteChangedObject =
  (changed: StoredObject): WayOut =>
  (target) =>
    withS3(target, async (s3) => {
      const { bucket } = changed;
      const others = (await s3.listObjects(bucket)).filter(({ key }) => key !== changed.key);
      for (const { key } of others) await insist(() => s3.getBytes(bucket, key), `read ${key}`);
      await s3.deleteObject(bucket, changed.key);
      target.giveUp([`${bucket}/${changed.key}`]);
    });
