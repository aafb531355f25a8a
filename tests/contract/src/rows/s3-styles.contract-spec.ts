import { execFile } from 'node:child_process';
import { lookup } from 'node:dns';
import { Agent } from 'node:http';
import { promisify } from 'node:util';
import * as sdk from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { providePythonSdk, toolsDir } from '@fornax/testing';
import { unique } from '../clients/tasks.js';
import { platform } from '../platform.js';

const LONGEST_MS = 300_000;
const { port } = new URL(platform.storageUrl);

/** Leads every name below localhost to this machine, as not every resolver does. */
const agent = (): Agent =>
  new Agent({
    lookup: (host, options, done) => lookup(host.endsWith('localhost') ? '127.0.0.1' : host, options, done),
  });

/** Runs a script with boto3. @returns what it printed; undefined on a machine that cannot have the SDK */
const inPython = async (name: string, args: readonly string[]): Promise<string | undefined> => {
  const python = await providePythonSdk(toolsDir());
  if ('missing' in python) {
    // The check for continuous integration (tools/test.mjs) looks for this line and fails on it there.
    console.warn(`SKIPPED-PYTHON-SDK: ${python.missing}`);
    return undefined;
  }
  const script = new URL(`../../python/${name}`, import.meta.url).pathname;
  const env = { ...process.env, ...platform.clientEnv };
  const { stdout } = await promisify(execFile)(python.python, [script, ...args], { env, timeout: 120_000 });
  return stdout;
};

describe('S3 in both addressing styles', () => {
  it.each(['path', 'virtual'])(
    'boto3: %s',
    async (style) => {
      const said = await inPython('s3_styles.py', [style, platform.storageUrl, unique('boto3')]);
      if (said !== undefined) expect(said).toContain('all is well');
    },
    LONGEST_MS,
  );

  it(
    'boto3: every operation of its model is offered or not implemented, and what is not changes nothing',
    async () => {
      const said = await inPython('s3_model.py', [platform.storageUrl, unique('model')]);
      if (said !== undefined) expect(said).toContain('all is well');
    },
    LONGEST_MS,
  );

  it.each([
    ['path', true],
    ['virtual', false],
  ])('AWS SDK v3: %s', async (_style, forcePathStyle) => {
    const [Bucket, data] = [unique('sdk'), Buffer.from('payload')];
    const s3 = new sdk.S3Client({
      endpoint: `http://localhost:${port}`,
      region: 'default',
      forcePathStyle,
      maxAttempts: 1,
      credentials: {
        accessKeyId: platform.clientEnv['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: platform.token,
      },
      requestHandler: { httpAgent: agent() },
    });
    try {
      await s3.send(new sdk.CreateBucketCommand({ Bucket }));
      for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
        const Key = `of ${ChecksumAlgorithm}`;
        await s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: data, ChecksumAlgorithm }));
        // The client compares the checksum that it is told with what it reads.
        const got = await s3.send(new sdk.GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
        expect(got[`Checksum${ChecksumAlgorithm}`]).toEqual(expect.any(String));
        expect(await got.Body?.transformToString()).toBe('payload');
      }
      const { Contents = [] } = await s3.send(new sdk.ListObjectsV2Command({ Bucket }));
      expect(Contents).toHaveLength(5);
      const Objects = Contents.map(({ Key }) => ({ Key }));
      await s3.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      await s3.send(new sdk.DeleteBucketCommand({ Bucket }));
    } finally {
      s3.destroy();
    }
  });
});
