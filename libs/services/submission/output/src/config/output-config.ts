import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** Output kept in the database of one stream of one running task, in bytes; older output moves to object storage. */
  FORNAX_LOG_KEEP_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(16 * 1024 * 1024),
  /** Output of one stream of one task that stays in the database when the task is over, in bytes; more moves to object storage. */
  FORNAX_LOG_KEEP_ENDED_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(1024 * 1024),
  /** Output shown by one read of the whole, in bytes: the last part of it. */
  FORNAX_LOG_SHOW_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(64 * 1024 * 1024),
  /** What all nodes together may have in the stream of output unread, in bytes; what instances print beyond it waits at their node. */
  FORNAX_LOG_UNREAD_BYTES: intSetting({ min: 1_024, max: 2 ** 30 }).default(16 * 1024 * 1024),
  /** Address of the S3 endpoint as this service reaches it; FORNAX_PUBLIC_STORAGE_URL if unset. */
  FORNAX_STORAGE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** How long a read of output waits for what the nodes have already sent, in milliseconds. */
  FORNAX_LOG_READ_TIMEOUT_MS: intSetting({ min: 0, max: 60_000 }).default(10_000),
});

/** What an operator sets about output. */
export interface OutputConfig {
  readonly logKeepBytes: number;
  readonly logKeepEndedBytes: number;
  readonly logShowBytes: number;
  readonly logUnreadBytes: number;
  readonly storageUrl: string | undefined;
  readonly logReadTimeoutMs: number;
}

export const OUTPUT_CONFIG = Symbol('fornax.output-config');

/** @throws ConfigError */
export const loadOutputConfig = (env: Env): OutputConfig => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    logKeepBytes: values.FORNAX_LOG_KEEP_BYTES,
    logKeepEndedBytes: values.FORNAX_LOG_KEEP_ENDED_BYTES,
    logShowBytes: values.FORNAX_LOG_SHOW_BYTES,
    logUnreadBytes: values.FORNAX_LOG_UNREAD_BYTES,
    storageUrl: values.FORNAX_STORAGE_URL,
    logReadTimeoutMs: values.FORNAX_LOG_READ_TIMEOUT_MS,
  });
};
