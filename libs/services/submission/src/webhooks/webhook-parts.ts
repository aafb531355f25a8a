import type { Provider, Type } from '@nestjs/common';
import { provideProjection } from '@fornax/service-kit';
import { Webhooks1790000310000 } from '../migrations/1790000310000-webhooks.migration.js';
import { AccountGate } from './account-gate.js';
import { LogPlaces } from './log-places.js';
import { WebhookCommands } from './webhook-commands.js';
import { WebhookDeliverer } from './webhook-deliverer.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksProjection } from './webhooks.projection.js';

/** Signed messages to other services about what happens to tasks. Parts of the submission module. */
export const WEBHOOK_MIGRATIONS = [Webhooks1790000310000];
export const WEBHOOK_CONTROLLERS: readonly Type[] = [WebhooksController];
/** @param service the service whose schema holds the rows */
export const webhookProviders = (service: string): readonly Provider[] => [
  ...provideProjection(service, WebhooksProjection),
  LogPlaces,
  WebhookStore,
  WebhookCommands,
  WebhookSender,
  AccountGate,
  WebhookDeliverer,
];
