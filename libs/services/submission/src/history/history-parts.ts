import type { Provider, Type } from '@nestjs/common';
import { provideProjection } from '@fornax/service-kit';
import { History1790000300000 } from '../migrations/1790000300000-history.migration.js';
import { WEBHOOK_CONTROLLERS, WEBHOOK_MIGRATIONS, webhookProviders } from '../webhooks/webhook-parts.js';
import { CommitOwners } from './live/commit-owners.js';
import { EventFeed } from './live/event-feed.js';
import { EventStream } from './live/event-stream.js';
import { EventsController } from './live/events.controller.js';
import { TaskSnapshotReader } from './live/task-snapshot-reader.js';
import { KnownTasks } from './known-tasks.js';
import { TaskAsOf } from './task-as-of.js';
import { TaskHistoryController } from './task-history.controller.js';
import { TaskHistory } from './task-history.js';
import { TaskSnapshotsProjection } from './task-snapshots.projection.js';
import { WaitingController } from './waiting.controller.js';

/** What the log makes possible: the history of tasks. Parts of the submission module. */
export const HISTORY_MIGRATIONS = [History1790000300000, ...WEBHOOK_MIGRATIONS];
export const HISTORY_CONTROLLERS: readonly Type[] = [
  TaskHistoryController,
  WaitingController,
  EventsController,
  ...WEBHOOK_CONTROLLERS,
];
/** @param service the service whose schema holds the rows */
export const historyProviders = (service: string): readonly Provider[] => [
  ...provideProjection(service, TaskSnapshotsProjection),
  KnownTasks,
  TaskHistory,
  TaskAsOf,
  CommitOwners,
  EventFeed,
  EventStream,
  TaskSnapshotReader,
  ...webhookProviders(service),
];
