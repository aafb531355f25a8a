import { startPlatform } from '@fornax/testing/platform';
import type { Figure } from './report.js';
import type { S3Server } from './s3-load.js';
import { type S3Speeds, s3Figures, s3Speeds } from './s3-measures.js';
import { provideVersitygw, withVersitygw } from './versitygw.js';

const EMAIL = 'bench@example.org';

const onPlatform = async (
  settings: Readonly<Record<string, string>>,
  work: (server: S3Server) => Promise<S3Speeds>,
): Promise<S3Speeds> => {
  const env = { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0', FORNAX_BOOTSTRAP_EMAIL: EMAIL, ...settings };
  const platform = await startPlatform({ env });
  try {
    return await work({ url: platform.storageUrl, keys: { accessKey: EMAIL, secretKey: platform.token } });
  } finally {
    await platform.stop();
  }
};

/** The S3 door on local files, versitygw on the same disk, and the S3 door on versitygw: one after the other. */
export const measureS3 = async (scale: number, say: (text: string) => void): Promise<readonly Figure[]> => {
  const speedsOf = (name: string) => (server: S3Server) => s3Speeds(server, scale, (what) => say(`${name}: ${what}`));
  const local = await onPlatform({}, speedsOf('local files'));
  const program = await provideVersitygw(say).catch((error: unknown) => {
    say(
      `WITHOUT versitygw there is nothing to compare with: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  if (program === undefined) return s3Figures('S3, local files', local, undefined);
  const gateway = await withVersitygw(program, speedsOf('versitygw'));
  const adapter = await withVersitygw(program, ({ url, keys }) =>
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
  const beside = { name: 'versitygw, which flushes nothing', speeds: gateway };
  return [...s3Figures('S3, local files', local, beside), ...s3Figures('S3, on versitygw', adapter, beside)];
};
