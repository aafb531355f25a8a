import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';
import { Destinations } from './destinations.js';

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
});

export interface WebhookSettings {
  readonly destinations: Destinations;
  readonly attempts: number;
  readonly retryMs: number;
  readonly timeoutMs: number;
  readonly leaderTtlMs: number;
}

/** What an operator sets about live events and webhooks. */
export interface NotifyConfig {
  readonly eventsHeartbeatMs: number;
  readonly webhooks: WebhookSettings;
}

export const NOTIFY_CONFIG = Symbol('fornax.notify-config');

/** @throws ConfigError */
export const loadNotifyConfig = (env: Env): NotifyConfig => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    eventsHeartbeatMs: values.FORNAX_EVENTS_HEARTBEAT_MS,
    webhooks: {
      destinations: values.FORNAX_WEBHOOK_ALLOWED_DESTINATIONS,
      attempts: values.FORNAX_WEBHOOK_ATTEMPTS,
      retryMs: values.FORNAX_WEBHOOK_RETRY_MS,
      timeoutMs: values.FORNAX_WEBHOOK_TIMEOUT_MS,
      leaderTtlMs: values.FORNAX_WEBHOOK_LEADER_TTL_MS,
    },
  });
};
