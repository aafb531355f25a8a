import { join } from 'node:path';
import { loadDoorLimits, type DoorLimits } from '@fornax/service-kit';
import { ConfigError, intSetting, loadConfig, type Env } from '@fornax/base';
import { RETENTION_TEXT, isRetention, retentionOf } from '@fornax/event-store';
import { z } from 'zod';

/** Where objects are kept. */
export type ObjectsConfig =
  | { readonly kind: 'local'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly endpoint: string;
      readonly accessKey: string;
      readonly secretKey: string;
      readonly region: string;
      readonly bucket: string;
    };

export interface LogArchiveConfig {
  /** How long a commit waits to be archived at most, in milliseconds; 0: nothing is archived. */
  readonly afterMs: number;
  /** So many bytes of messages make a segment before that, too. */
  readonly segmentBytes: number;
  readonly leaderTtlMs: number;
  /** How old what leaves the log is at least, in milliseconds; undefined: nothing leaves. */
  readonly retentionMs: number | undefined;
}

export interface MeterConfig {
  /** How often it is looked what buckets hold, in milliseconds; 0: nothing is metered. */
  readonly everyMs: number;
  /** Use is told in parts of time of so many seconds, which begin with the hours of UTC. */
  readonly slotS: number;
}

export interface StorageConfig {
  /** Port of the S3 endpoint; 0 is any free one. */
  readonly port: number;
  /** Address that it listens on. */
  readonly host: string;
  readonly objects: ObjectsConfig;
  /** Which names a new bucket may have (`bucket-names.ts`); buckets that are there keep theirs. */
  readonly bucketNames: 'plain' | 'strict';
  /** Host names in front of which a bucket may stand, lower case. */
  readonly baseHosts: readonly string[];
  /** What the S3 endpoint puts up with. */
  readonly door: DoorLimits;
  /** Requests of an account a second to the S3 endpoint; 0: any number. */
  readonly requestsPerS: number;
  readonly logArchive: LogArchiveConfig;
  readonly meter: MeterConfig;
}

/** On an S3 service each look is a listing. */
const LOOK_EVERY_S = { local: 60, s3: 900 } as const;
const HOUR_S = 3_600;

const settings = z.object({
  FORNAX_STORAGE_PORT: intSetting({ min: 0, max: 65_535 }).default(9000),
  FORNAX_HTTP_HOST: z.string().default('127.0.0.1'),
  FORNAX_OBJECTS: z.enum(['local', 's3']).default('local'),
  FORNAX_OBJECTS_DIR: z.string().optional(),
  FORNAX_BUCKET_NAMES: z.enum(['plain', 'strict']).default('plain'),
  FORNAX_DATA_DIR: z.string().default('.fornax'),
  FORNAX_S3_ENDPOINT: z.url().optional(),
  FORNAX_S3_ACCESS_KEY: z.string().optional(),
  FORNAX_S3_SECRET_KEY: z.string().optional(),
  FORNAX_S3_REGION: z.string().default('us-east-1'),
  FORNAX_S3_BUCKET: z.string().default('fornax'),
  FORNAX_STORAGE_REQUESTS_PER_S: intSetting({ min: 0, max: 1_000_000 }).default(1_000),
  FORNAX_PUBLIC_STORAGE_URL: z.url().optional(),
  FORNAX_LOG_ARCHIVE_AFTER_MS: intSetting({ min: 0, max: 86_400_000 }).default(60_000),
  FORNAX_LOG_ARCHIVE_SEGMENT_BYTES: intSetting({ min: 1_000, max: 256 * 1024 * 1024 }).default(8 * 1024 * 1024),
  FORNAX_LOG_RETENTION: z.string().refine(isRetention, RETENTION_TEXT).default('off'),
  FORNAX_LOG_ARCHIVE_LEADER_TTL_MS: intSetting({ min: 100, max: 600_000 }).default(10_000),
  FORNAX_STORAGE_METER_EVERY_S: intSetting({ min: 0, max: HOUR_S }).optional(),
  FORNAX_STORAGE_METER_SLOT_S: intSetting({ min: 1, max: HOUR_S })
    .refine((seconds) => HOUR_S % seconds === 0, 'must divide an hour (3600)')
    .default(HOUR_S),
});

const objectsOf = (values: z.output<typeof settings>): ObjectsConfig => {
  if (values.FORNAX_OBJECTS === 'local')
    return { kind: 'local', folder: values.FORNAX_OBJECTS_DIR ?? join(values.FORNAX_DATA_DIR, 'objects') };
  const {
    FORNAX_S3_ENDPOINT: endpoint,
    FORNAX_S3_ACCESS_KEY: accessKey,
    FORNAX_S3_SECRET_KEY: secretKey,
    FORNAX_S3_BUCKET: bucket,
  } = values;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined) {
    const names = { FORNAX_S3_ENDPOINT: endpoint, FORNAX_S3_ACCESS_KEY: accessKey, FORNAX_S3_SECRET_KEY: secretKey };
    throw new ConfigError(
      Object.entries(names).flatMap(([name, value]) =>
        value === undefined ? [`${name} must be set when FORNAX_OBJECTS is s3`] : [],
      ),
    );
  }
  return { kind: 's3', endpoint, accessKey, secretKey, region: values.FORNAX_S3_REGION, bucket };
};

/** @throws ConfigError nothing would ever be in the archive */
const retentionIn = (values: z.output<typeof settings>): number | undefined => {
  const retentionMs = retentionOf(values.FORNAX_LOG_RETENTION);
  if (retentionMs !== undefined && values.FORNAX_LOG_ARCHIVE_AFTER_MS === 0)
    throw new ConfigError([
      'FORNAX_LOG_RETENTION must be off where nothing is archived: FORNAX_LOG_ARCHIVE_AFTER_MS is 0',
    ]);
  return retentionMs;
};

/** @throws ConfigError */
export const loadStorageConfig = (env: Env): StorageConfig => {
  const values = loadConfig(settings, env);
  const publicUrl = values.FORNAX_PUBLIC_STORAGE_URL;
  const hosts = publicUrl === undefined ? ['localhost'] : ['localhost', new URL(publicUrl).hostname.toLowerCase()];
  return Object.freeze({
    port: values.FORNAX_STORAGE_PORT,
    host: values.FORNAX_HTTP_HOST,
    objects: objectsOf(values),
    bucketNames: values.FORNAX_BUCKET_NAMES,
    baseHosts: [...new Set(hosts)],
    door: loadDoorLimits(env),
    requestsPerS: values.FORNAX_STORAGE_REQUESTS_PER_S,
    logArchive: {
      afterMs: values.FORNAX_LOG_ARCHIVE_AFTER_MS,
      segmentBytes: values.FORNAX_LOG_ARCHIVE_SEGMENT_BYTES,
      leaderTtlMs: values.FORNAX_LOG_ARCHIVE_LEADER_TTL_MS,
      retentionMs: retentionIn(values),
    },
    meter: {
      everyMs: (values.FORNAX_STORAGE_METER_EVERY_S ?? LOOK_EVERY_S[values.FORNAX_OBJECTS]) * 1_000,
      slotS: values.FORNAX_STORAGE_METER_SLOT_S,
    },
  });
};
