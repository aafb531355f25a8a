import { S3Client, S3Error } from '@fornax/s3';
import { createHash, type Hash } from 'node:crypto';
import type { Oracle } from './oracles.js';

const resultName = (key: string, instance: number | string): string => `${key}-${instance}.bin`;

/** What an instance runs to leave a result and tell its checksum, and a megabyte of output besides. */
export const resultScript = (key: string, bytes: number): string =>
  [
    `head -c ${bytes} /dev/urandom > ${resultName(key, '$INSTANCE_ID')}`,
    `read -r sum rest < <(sha256sum ${resultName(key, '$INSTANCE_ID')})`,
    'note "$sum"',
    'head -c 750000 /dev/urandom | base64',
  ].join('\n');

/** @returns whether there is such an object; a damaged one is no object that is not there */
const read = async (s3: S3Client, bucket: string, key: string, hash: Hash): Promise<boolean> => {
  try {
    for await (const chunk of await s3.getObject(bucket, key)) hash.update(chunk as Buffer);
    return true;
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NoSuchKey') return false;
    throw error;
  }
};

/** Each result is, byte for byte, what a run of its instance that came to its end wrote. */
export const payloads: Oracle = async (bed, history) => {
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = bed.platform.clientEnv;
  const s3 = new S3Client({ endpoint: bed.platform.storageUrl, accessKey, secretKey });
  const faults: string[] = [];
  let looked = 0;
  try {
    for (const { key, instances, state, bucket } of history.endings) {
      if (state !== 'Success' || bucket === null) continue;
      for (let instance = 0; instance < instances; instance += 1) {
        looked += 1;
        const name = resultName(key, instance);
        const hash = createHash('sha256');
        const isThere = await read(s3, bucket, name, hash);
        if (!isThere) {
          // An operator gave some up, because the platform named them.
          if (!history.givenUp.has(`${bucket}/${name}`)) faults.push(`${name} is gone`);
          continue;
        }
        const written = bed.recorder
          .runs()
          .filter((run) => run.key === key && run.instance === instance && run.isDone)
          .flatMap(({ notes }) => notes);
        const found = hash.digest('hex');
        if (!written.includes(found)) faults.push(`${name} is not what any of its runs wrote`);
      }
    }
  } finally {
    s3.close();
  }
  return looked === 0 ? ['no result was looked at'] : faults;
};
