import { z } from 'zod';
import { intSetting, loadConfig, type Env } from '@fornax/service-kit';
import { Destinations } from '../webhooks/destinations.js';

const destinationsSetting = z.string().transform((text, context) => {
  const destinations = Destinations.parse(text);
  if (destinations instanceof Destinations) return destinations;
  context.addIssue({
    code: 'custom',
    message: `"${destinations.wrong}" is not host:ports, as in 10.1.0.0/16:443, [::1]:8000-8999 or hooks.lab:*`,
  });
  return z.NEVER;
});

const settings = z.object({
  /** Output kept in the database of one stream of one running task, in bytes; older output moves to object storage. */
  FORNAX_LOG_KEEP_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(16 * 1024 * 1024),
  /** Output of one stream of one task that stays in the database when the task is over, in bytes; more moves to object storage. */
  FORNAX_LOG_KEEP_ENDED_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(1024 * 1024),
  /** Output shown by one read of the whole, in bytes: the last part of it. */
  FORNAX_LOG_SHOW_BYTES: intSetting({ min: 1_024, max: 2 ** 40 }).default(64 * 1024 * 1024),
  /** Address of the S3 endpoint as this service reaches it; FORNAX_PUBLIC_STORAGE_URL if unset. */
  FORNAX_STORAGE_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** How long a read of output waits for what the nodes have already sent, in milliseconds. */
  FORNAX_LOG_READ_TIMEOUT_MS: intSetting({ min: 0, max: 60_000 }).default(10_000),
  /** Time between two signs of life of a live stream of events in which nothing happens, in milliseconds. */
  FORNAX_EVENTS_HEARTBEAT_MS: intSetting({ min: 10, max: 600_000 }).default(15_000),
  /** Where webhooks may go besides public addresses: `host:ports`, separated by commas. */
  FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: destinationsSetting.prefault(''),
  /** Tries of one delivery before the webhook is parked. */
  FORNAX_WEBHOOK_ATTEMPTS: intSetting({ min: 1, max: 1_000 }).default(12),
  /** Pause before the second try, in milliseconds; it doubles from try to try, up to a minute. */
  FORNAX_WEBHOOK_RETRY_MS: intSetting({ min: 1, max: 60_000 }).default(500),
  /** How long a receiver may take to answer, in milliseconds. */
  FORNAX_WEBHOOK_TIMEOUT_MS: intSetting({ min: 10, max: 120_000 }).default(10_000),
  /** A process that delivers webhooks and is silent for this long is replaced, in milliseconds. */
  FORNAX_WEBHOOK_LEADER_TTL_MS: intSetting({ min: 500, max: 600_000 }).default(4_000),
  /** The first account; made at start if it does not exist. */
  FORNAX_BOOTSTRAP_EMAIL: z.string().optional(),
  /** The first account's token, or the file that holds it. */
  FORNAX_BOOTSTRAP_TOKEN: z.string().optional(),
  FORNAX_BOOTSTRAP_TOKEN_FILE: z.string().optional(),
  /** Address of the container engine that nodes use; unset when they have none. */
  FORNAX_CONTAINER_ENGINE: z.string().optional(),
  /** What one instance occupies unless its hardware constraints ask for more. */
  FORNAX_INSTANCE_CORES: intSetting({ min: 1, max: 1_024 }).default(1),
  FORNAX_INSTANCE_MEMORY_MB: intSetting({ min: 1, max: 16_777_216 }).default(256),
});

export interface WebhookSettings {
  readonly destinations: Destinations;
  readonly attempts: number;
  readonly retryMs: number;
  readonly timeoutMs: number;
  readonly leaderTtlMs: number;
}

export interface SubmissionConfig {
  readonly logKeepBytes: number;
  readonly logKeepEndedBytes: number;
  readonly logShowBytes: number;
  readonly storageUrl: string | undefined;
  readonly logReadTimeoutMs: number;
  readonly eventsHeartbeatMs: number;
  readonly webhooks: WebhookSettings;
  readonly bootstrap:
    { readonly email: string; readonly token: { readonly text: string } | { readonly file: string } } | undefined;
  readonly hasContainerEngine: boolean;
  readonly instanceCores: number;
  readonly instanceMemoryMB: number;
}

export const SUBMISSION_CONFIG = Symbol('fornax.submission-config');

/** @throws ConfigError */
export const loadSubmissionConfig = (env: Env): SubmissionConfig => {
  const values = loadConfig(settings, env);
  const { FORNAX_BOOTSTRAP_EMAIL: email, FORNAX_BOOTSTRAP_TOKEN: text, FORNAX_BOOTSTRAP_TOKEN_FILE: file } = values;
  const token = text !== undefined ? { text } : file !== undefined ? { file } : undefined;
  return Object.freeze({
    logKeepBytes: values.FORNAX_LOG_KEEP_BYTES,
    logKeepEndedBytes: values.FORNAX_LOG_KEEP_ENDED_BYTES,
    logShowBytes: values.FORNAX_LOG_SHOW_BYTES,
    storageUrl: values.FORNAX_STORAGE_URL,
    logReadTimeoutMs: values.FORNAX_LOG_READ_TIMEOUT_MS,
    eventsHeartbeatMs: values.FORNAX_EVENTS_HEARTBEAT_MS,
    webhooks: {
      destinations: values.FORNAX_WEBHOOK_ALLOWED_DESTINATIONS,
      attempts: values.FORNAX_WEBHOOK_ATTEMPTS,
      retryMs: values.FORNAX_WEBHOOK_RETRY_MS,
      timeoutMs: values.FORNAX_WEBHOOK_TIMEOUT_MS,
      leaderTtlMs: values.FORNAX_WEBHOOK_LEADER_TTL_MS,
    },
    bootstrap: email !== undefined && token !== undefined ? { email, token } : undefined,
    hasContainerEngine: values.FORNAX_CONTAINER_ENGINE !== undefined,
    instanceCores: values.FORNAX_INSTANCE_CORES,
    instanceMemoryMB: values.FORNAX_INSTANCE_MEMORY_MB,
  });
};
