import { FornaxClient } from '@fornax/client';
import { S3Client } from '@fornax/s3';
import { type RunningPlatform, eventually } from '@fornax/testing';

/** The first user's clients of a platform. */
export const clientsOf = (platform: RunningPlatform): { readonly api: FornaxClient; readonly s3: S3Client } => ({
  api: new FornaxClient({ url: platform.apiUrl, token: platform.token }),
  s3: new S3Client({
    endpoint: platform.storageUrl,
    accessKey: platform.clientEnv['AWS_ACCESS_KEY_ID'] ?? '',
    secretKey: platform.token,
  }),
});

/** Waits until every instance of a task has printed `text` on its standard output. */
export const untilAllPrint = async (
  api: FornaxClient,
  task: string,
  instances: number,
  text: string,
): Promise<void> => {
  await eventually(async () => (await api.output(task, 'stdout')).split(text).length - 1 >= instances, {
    timeoutMs: 30_000,
  });
};
