import { ConfigError, intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const MOST_S = 31_536_000;

const settings = z.object({
  /** Seconds between periodic snapshots of a task: one that asks for fewer, or for more, gets these. */
  FORNAX_SNAPSHOT_MIN_INTERVAL_S: intSetting({ min: 1, max: MOST_S }).default(30),
  FORNAX_SNAPSHOT_MAX_INTERVAL_S: intSetting({ min: 1, max: MOST_S }).default(604_800),
  /** Address of the S3 endpoint as this service reaches it; FORNAX_PUBLIC_STORAGE_URL if unset. */
  FORNAX_STORAGE_URL: z.url({ protocol: /^https?$/ }).optional(),
});

/** What an operator sets about snapshots. */
export interface SnapshotSettings {
  readonly minIntervalSeconds: number;
  readonly maxIntervalSeconds: number;
  readonly storageUrl: string | undefined;
}

export const SNAPSHOT_SETTINGS = Symbol('fornax.snapshot-settings');

/** @throws ConfigError */
export const loadSnapshotSettings = (env: Env): SnapshotSettings => {
  const {
    FORNAX_SNAPSHOT_MIN_INTERVAL_S: min,
    FORNAX_SNAPSHOT_MAX_INTERVAL_S: max,
    FORNAX_STORAGE_URL: storageUrl,
  } = loadConfig(settings, env);
  if (min > max)
    throw new ConfigError(['FORNAX_SNAPSHOT_MIN_INTERVAL_S must not be more than FORNAX_SNAPSHOT_MAX_INTERVAL_S']);
  return Object.freeze({ minIntervalSeconds: min, maxIntervalSeconds: max, storageUrl });
};
