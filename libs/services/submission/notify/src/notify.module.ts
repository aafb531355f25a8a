import { Module } from '@nestjs/common';
import { ENV, provideProjection } from '@fornax/service-kit';
import { TasksModule } from '@fornax/tasks';
import { loadNotifyConfig, NOTIFY_CONFIG } from './config/notify-config.js';
import { DATABASE, notifyDatabase } from './config/database.js';
import { CommitOwners } from './feed/commit-owners.js';
import { EventFeed } from './feed/event-feed.js';
import { EventStream } from './feed/event-stream.js';
import { EventsController } from './feed/events.controller.js';
import { AccountGate } from './webhooks/account-gate.js';
import { ActiveWebhooks } from './webhooks/active-webhooks.js';
import { LogPlaces } from './webhooks/log-places.js';
import { OwnWebhooks } from './webhooks/own-webhooks.js';
import { WebhookAttendant } from './webhooks/webhook-attendant.js';
import { WebhookCommands } from './webhooks/webhook-commands.js';
import { WebhookDeliverer } from './webhooks/webhook-deliverer.js';
import { WebhookDelivery } from './webhooks/webhook-delivery.js';
import { WebhookMetrics } from './webhooks/webhook-metrics.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WebhookStore } from './webhooks/webhook-store.js';
import { WebhookTargets } from './webhooks/webhook-targets.js';
import { WebhookWorker } from './webhooks/webhook-worker.js';
import { WebhooksController } from './webhooks/webhooks.controller.js';
import { WebhooksProjection } from './webhooks/webhooks.projection.js';

/** Tells others what happens: one feed of events, Server-Sent Events and signed webhooks over it. */
@Module({
  imports: [notifyDatabase(), TasksModule],
  controllers: [EventsController, WebhooksController],
  providers: [
    { provide: NOTIFY_CONFIG, inject: [ENV], useFactory: loadNotifyConfig },
    ...provideProjection(DATABASE, WebhooksProjection),
    CommitOwners,
    EventFeed,
    EventStream,
    LogPlaces,
    WebhookStore,
    WebhookCommands,
    WebhookSender,
    WebhookTargets,
    OwnWebhooks,
    AccountGate,
    WebhookDelivery,
    WebhookWorker,
    WebhookAttendant,
    ActiveWebhooks,
    WebhookDeliverer,
    WebhookMetrics,
  ],
})
export class NotifyModule {}
