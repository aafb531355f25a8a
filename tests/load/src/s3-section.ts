import { type RunningPlatform, startPlatform } from '@fornax/testing/platform';
import { provideVersitygw, startVersitygw } from '@fornax/testing/versitygw';
import type { Figure } from './report.js';
import type { S3Server } from './s3-load.js';
import { type S3Speeds, s3Figures, s3Speeds } from './s3-measures.js';
import { s3Memory } from './s3-memory.js';

const EMAIL = 'bench@example.org';

const onPlatform = async <T>(
  settings: Readonly<Record<string, string>>,
  work: (server: S3Server, platform: RunningPlatform) => Promise<T>,
): Promise<T> => {
  const env = { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0', FORNAX_BOOTSTRAP_EMAIL: EMAIL, ...settings };
  const platform = await startPlatform({ env });
  try {
    return await work({ url: platform.storageUrl, keys: { accessKey: EMAIL, secretKey: platform.token } }, platform);
  } finally {
    await platform.stop();
  }
};

const onVersitygw = async <T>(program: string, work: (server: S3Server) => Promise<T>): Promise<T> => {
  const service = await startVersitygw(program);
  try {
    return await work(service);
  } finally {
    await service.stop();
  }
};

/**
 * The S3 door on local files, versitygw on the same disk, once made to flush like local files and once as it is, and the S3 door on versitygw: one after
 * the other. Then the memory that a large object takes.
 */
export const measureS3 = async (scale: number, say: (text: string) => void): Promise<readonly Figure[]> => {
  const speedsOf = (name: string) => (server: S3Server) => s3Speeds(server, scale, (what) => say(`${name}: ${what}`));
  const programs = await Promise.all([provideVersitygw({ say }), provideVersitygw({ say, isFlushing: true })]).catch(
    (error: unknown) => {
      say(
        `WITHOUT versitygw there is nothing to compare with: ${error instanceof Error ? error.message : String(error)}`,
      );
    },
  );
  const local = await onPlatform({}, speedsOf('local files'));
  const figures: Figure[] = [];
  if (!programs) figures.push(...s3Figures('S3, local files', local, undefined));
  else {
    const [asItIs, flushing] = programs;
    const compared = (speeds: S3Speeds, name: string) => ({ name, speeds });
    const flushed = await onVersitygw(flushing, speedsOf('versitygw, flushing'));
    const gateway = await onVersitygw(asItIs, speedsOf('versitygw'));
    const adapter = await onVersitygw(asItIs, ({ url, keys }) =>
      onPlatform(
        {
          FORNAX_OBJECTS: 's3',
          FORNAX_S3_ENDPOINT: url,
          FORNAX_S3_ACCESS_KEY: keys.accessKey,
          FORNAX_S3_SECRET_KEY: keys.secretKey,
          FORNAX_S3_BUCKET: 'fornax-bench',
        },
        speedsOf('on versitygw'),
      ),
    );
    figures.push(
      ...s3Figures('S3, local files', local, compared(flushed, 'versitygw, made to flush')),
      ...s3Figures('versitygw, made to flush', flushed, compared(gateway, 'versitygw, which flushes nothing')),
      ...s3Figures('S3, on versitygw', adapter, compared(gateway, 'versitygw, which flushes nothing')),
    );
  }
  return [...figures, ...(await onPlatform({}, (server, platform) => s3Memory(server, platform, scale, say)))];
};
