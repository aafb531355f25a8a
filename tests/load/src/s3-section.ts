import { type RunningPlatform, startPlatform } from '@fornax/testing/platform';
import { type S3Service, provideVersitygw, startVersitygw } from '@fornax/testing/versitygw';
import type { Figure } from './report.js';
import { type Measurable, s3Figures, s3Speeds } from './s3-measures.js';
import { s3Memory } from './s3-memory.js';

const EMAIL = 'bench@example.org';
const LOCAL = 'S3, local files';
const FLUSHING = 'versitygw, made to flush';
const GATEWAY = 'versitygw, which flushes nothing';
const ADAPTER = 'S3, on versitygw';

/** Whatever is to be stopped, the last one first. */
type Started = { readonly stop: () => Promise<void> }[];

const platformOn = async (
  started: Started,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningPlatform> => {
  const env = {
    FORNAX_LOG_LEVEL: 'warn',
    FORNAX_NODES: '0',
    FORNAX_BOOTSTRAP_EMAIL: EMAIL,
    FORNAX_STORAGE_REQUESTS_PER_S: '0',
    ...settings,
  };
  const platform = await startPlatform({ env });
  started.push(platform);
  return platform;
};

const gatewayOf = async (started: Started, program: string): Promise<S3Service> => {
  const service = await startVersitygw(program);
  started.push(service);
  return service;
};

const serverOf = (platform: RunningPlatform, name: string, pids: readonly number[] = []): Measurable => ({
  name,
  url: platform.storageUrl,
  keys: { accessKey: EMAIL, secretKey: platform.token },
  pids: [platform.launcherPid, ...pids],
});

/** versitygw as it is, versitygw that flushes, and the S3 endpoint on one of its own. */
const startOthers = async (started: Started, say: (text: string) => void): Promise<readonly Measurable[]> => {
  const asItIs = await provideVersitygw({ say });
  const flushing = await provideVersitygw({ say, isFlushing: true });
  const [flushed, gateway, below] = [
    await gatewayOf(started, flushing),
    await gatewayOf(started, asItIs),
    await gatewayOf(started, asItIs),
  ];
  const adapter = await platformOn(started, {
    FORNAX_OBJECTS: 's3',
    FORNAX_S3_ENDPOINT: below.url,
    FORNAX_S3_ACCESS_KEY: below.keys.accessKey,
    FORNAX_S3_SECRET_KEY: below.keys.secretKey,
    FORNAX_S3_BUCKET: 'fornax-bench',
  });
  return [
    { ...flushed, name: FLUSHING, pids: [flushed.pid] },
    { ...gateway, name: GATEWAY, pids: [gateway.pid] },
    serverOf(adapter, ADAPTER, [below.pid]),
  ];
};

/**
 * The S3 endpoint on local files, versitygw on the same disk, once made to flush like local files and once as it is, and the S3 endpoint on versitygw: in
 * turns. Then the memory that a large object takes.
 */
export const measureS3 = async (scale: number, say: (text: string) => void): Promise<readonly Figure[]> => {
  const started: Started = [];
  try {
    const others = await startOthers(started, say).catch((error: unknown) => {
      say(
        `WITHOUT versitygw there is nothing to compare with: ${error instanceof Error ? error.message : String(error)}`,
      );
      return [];
    });
    const platform = await platformOn(started);
    const local = serverOf(platform, LOCAL);
    const speeds = await s3Speeds([local, ...others], scale, say);
    return [
      ...s3Figures(speeds, LOCAL, FLUSHING),
      ...s3Figures(speeds, FLUSHING, GATEWAY),
      ...s3Figures(speeds, ADAPTER, GATEWAY),
      ...(await s3Memory(local, platform, scale, say)),
    ];
  } finally {
    for (const { stop } of started.toReversed()) await stop();
  }
};
