import { Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { LocalObjectStore, S3ObjectStore, type ObjectStore } from '@fornax/object-store';
import type { NatsConnection } from '@nats-io/transport-node';
import { RestoreClient, askToLeave, type JetStreamLog } from '@fornax/event-store';
import { EVENT_LOG, LOGGER, NATS, provideProjection, serviceDatabase } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { EndedLeases } from './followers/ended-leases.js';
import { BucketCatalog, madeBuckets } from './buckets/bucket-catalog.js';
import { PLATFORM_AREAS } from './model/bucket-names.js';
import { BucketLinks } from './links/bucket-links.js';
import { BucketListing } from './buckets/bucket-listing.js';
import { BucketSharing } from './buckets/bucket-sharing.js';
import { BucketCommands } from './buckets/bucket.commands.js';
import { StorageUsage } from './buckets/storage-usage.js';
import { StorageQuotas } from './buckets/storage-quotas.js';
import { StoredUsage1790000000008 } from './migrations/1790000000008-stored-usage.migration.js';
import { StoreWatch } from './store/store-watch.js';
import { StorageGates } from './access/storage-gates.js';
import { StorageIdentities } from './access/storage-identities.js';
import { BucketDecisions } from './buckets/bucket-decisions.js';
import { BucketRules } from './buckets/bucket-rules.js';
import { DoorChecks } from './door/door-checks.js';
import { DoorParts } from './door/door-parts.js';
import { FrontDoorHost } from './door/front-door.host.js';
import { EffectBell } from './effects/effect-bell.js';
import { ObjectEffects1790000000003 } from './migrations/1790000000003-object-effects.migration.js';
import { ObjectExtras1790000000004 } from './migrations/1790000000004-object-extras.migration.js';
import { LostResults1790000000006 } from './migrations/1790000000006-lost-results.migration.js';
import { BucketGrants1790000000005 } from './migrations/1790000000005-bucket-grants.migration.js';
import { EffectDrain } from './process-managers/effect-drain.js';
import { ObjectEffects } from './process-managers/object-effects.js';
import { Reindexing } from './store/reindexing.js';
import { BucketGrantsController } from './http/bucket-grants.controller.js';
import { BucketLinksController } from './http/bucket-links.controller.js';
import { BucketsController } from './http/buckets.controller.js';
import { EffectsController } from './http/effects.controller.js';
import { ReindexController } from './http/reindex.controller.js';
import { UsageController } from './http/usage.controller.js';
import { ExpiryRules } from './buckets/expiry-rules.js';
import { ExpiryController } from './http/expiry.controller.js';
import { BucketExpiry1790000000007 } from './migrations/1790000000007-bucket-expiry.migration.js';
import { ObjectExpiry } from './process-managers/object-expiry.js';
import { ArchiveObjects } from './log-archive/archive-objects.js';
import { LogArchive } from './log-archive/log-archive.js';
import { LogArchiver } from './log-archive/log-archiver.js';
import { LeftIndex } from './log-archive/left-index.js';
import { LeftMessages } from './log-archive/left-messages.js';
import { LeftMessagesHost } from './log-archive/left-messages.host.js';
import { LogRetention } from './log-archive/log-retention.js';
import { LogRestore } from './log-archive/log-restore.js';
import { LogArchiveController } from './log-archive/log-archive.controller.js';
import { LogArchiving } from './log-archive/log-archiving.js';
import { HeldInputs } from './store/held-inputs.js';
import { UsageReconciliation } from './process-managers/usage-reconciliation.js';
import { Leftovers } from './process-managers/leftovers.js';
import { StorageHoldings } from './usage/storage-holdings.js';
import { TaskOwners } from './reading/task-owners.js';
import { SentCounter } from './metering/sent-bytes.js';
import { MeterLog } from './metering/meter-log.js';
import { MeteredBuckets } from './metering/metered-buckets.js';
import { StorageMeter } from './metering/storage-meter.js';
import { StorageMetering } from './process-managers/storage-metering.js';
import { Meters1790000000012 } from './migrations/1790000000012-meters.migration.js';
import { ScrubController } from './http/scrub.controller.js';
import { Storage1790000000000 } from './migrations/1790000000000-storage.migration.js';
import { ObjectManifests1790000000001 } from './migrations/1790000000001-object-manifests.migration.js';
import { MarkOrder1790000000002 } from './migrations/1790000000002-mark-order.migration.js';
import { SnapshotsOfOwners1790000000011 } from './migrations/1790000000011-snapshots-of-owners.migration.js';
import { SnapshotUsage1790000000010 } from './migrations/1790000000010-snapshot-usage.migration.js';
import { TaskOwners1790000000009 } from './migrations/1790000000009-task-owners.migration.js';
import { TaskOwnersProjection } from './projections/task-owners.projection.js';
import { BucketDamage1790000000010 } from './migrations/1790000000010-bucket-damage.migration.js';
import { FewOfTheLeftLog1790000000014 } from './migrations/1790000000014-few-of-the-left-log.migration.js';
import { LeftLog1790000000013 } from './migrations/1790000000013-left-log.migration.js';
import { BucketDamageProjection } from './projections/bucket-damage.projection.js';
import { DamageNotes } from './store/damage-notes.js';
import { BucketsProjection } from './projections/buckets.projection.js';
import { DoorReads } from './door/door-reads.js';
import { StorageReads } from './reading/storage-reads.js';
import { StorageRpc } from './rpc/storage.rpc.js';
import { loadStorageConfig, type StorageConfig } from './config/storage.config.js';
import { OBJECT_STORE, STORAGE_CONFIG, type ServiceLogger } from './config/tokens.js';

/** Fewer commits are not worth a step of the retention. */
const LEAST_COMMITS = 100;

/** The local store's own list of buckets follows the read model's, also after that was rebuilt from another log. */
const openLocalStore = async (folder: string, db: DataSource, logger: ServiceLogger): Promise<ObjectStore> => {
  const store = await LocalObjectStore.open({
    folder,
    index: db,
    onError: (error) => logger.error({ err: error }, 'object store'),
  });
  await store.createBuckets(await madeBuckets(db));
  return store;
};

const openStore = async ({ objects }: StorageConfig, db: DataSource, logger: ServiceLogger): Promise<ObjectStore> => {
  const store =
    objects.kind === 'local' ? await openLocalStore(objects.folder, db, logger) : await S3ObjectStore.open(objects);
  await store.createBuckets(PLATFORM_AREAS);
  return store;
};

/** Ends the store's background work once nobody uses it. */
@Injectable()
class StoreCloser implements OnApplicationShutdown {
  constructor(@Inject(OBJECT_STORE) private readonly store: ObjectStore) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

/** The storage service: the S3 endpoint, buckets and their owners, results of leases. */
@Module({
  imports: [
    serviceDatabase('storage', [
      Storage1790000000000,
      ObjectManifests1790000000001,
      MarkOrder1790000000002,
      ObjectEffects1790000000003,
      ObjectExtras1790000000004,
      BucketGrants1790000000005,
      LostResults1790000000006,
      BucketExpiry1790000000007,
      StoredUsage1790000000008,
      TaskOwners1790000000009,
      SnapshotUsage1790000000010,
      SnapshotsOfOwners1790000000011,
      BucketDamage1790000000010,
      Meters1790000000012,
      LeftLog1790000000013,
      FewOfTheLeftLog1790000000014,
    ]),
  ],
  controllers: [
    ExpiryController,
    UsageController,
    BucketsController,
    BucketLinksController,
    BucketGrantsController,
    EffectsController,
    ReindexController,
    ScrubController,
    LogArchiveController,
    LogArchiving,
    EndedLeases,
    StorageRpc,
  ],
  providers: [
    { provide: STORAGE_CONFIG, useFactory: () => loadStorageConfig(process.env) },
    { provide: OBJECT_STORE, inject: [STORAGE_CONFIG, getDataSourceToken('storage'), LOGGER], useFactory: openStore },
    {
      provide: ArchiveObjects,
      inject: [OBJECT_STORE],
      useFactory: (store: ObjectStore) => new ArchiveObjects(store),
    },
    {
      provide: LogArchiver,
      inject: [EVENT_LOG, ArchiveObjects, STORAGE_CONFIG],
      useFactory: (log: JetStreamLog, objects: ArchiveObjects, { logArchive }: StorageConfig) =>
        new LogArchiver({ log, objects, config: logArchive }),
    },
    {
      provide: LeftIndex,
      inject: [getDataSourceToken('storage'), ArchiveObjects],
      useFactory: (db: DataSource, objects: ArchiveObjects) => new LeftIndex(db, objects),
    },
    {
      provide: LeftMessages,
      inject: [EVENT_LOG, ArchiveObjects, LeftIndex],
      useFactory: (log: JetStreamLog, objects: ArchiveObjects, index: LeftIndex) =>
        new LeftMessages(log, objects, index),
    },
    LeftMessagesHost,
    LogArchive,
    {
      provide: LogRetention,
      inject: [EVENT_LOG, ArchiveObjects, LeftIndex, NATS, STORAGE_CONFIG],
      useFactory: (
        log: JetStreamLog,
        objects: ArchiveObjects,
        index: LeftIndex,
        nats: NatsConnection,
        { logArchive: { retentionMs } }: StorageConfig,
      ) =>
        new LogRetention({
          log,
          objects,
          index,
          askToLeave: () => askToLeave(nats),
          rule: { retentionMs, leastCommits: LEAST_COMMITS },
          now: () => Date.now(),
        }),
    },
    {
      provide: LogRestore,
      inject: [ArchiveObjects, NATS, LOGGER],
      useFactory: (objects: ArchiveObjects, nats: NatsConnection, logger: ServiceLogger) =>
        new LogRestore(objects, new RestoreClient(nats), logger),
    },
    ...provideProjection('storage', BucketsProjection),
    ...provideProjection('storage', TaskOwnersProjection),
    ...provideProjection('storage', BucketDamageProjection),
    DamageNotes,
    EffectBell,
    EffectDrain,
    ObjectEffects,
    BucketCatalog,
    BucketRules,
    BucketDecisions,
    BucketCommands,
    BucketSharing,
    BucketLinks,
    BucketListing,
    StorageUsage,
    HeldInputs,
    StorageQuotas,
    StorageHoldings,
    TaskOwners,
    Leftovers,
    UsageReconciliation,
    SentCounter,
    MeteredBuckets,
    MeterLog,
    StorageMeter,
    StorageMetering,
    ExpiryRules,
    ObjectExpiry,
    StorageReads,
    DoorReads,
    Reindexing,
    StoreWatch,
    StorageIdentities,
    StorageGates,
    DoorChecks,
    DoorParts,
    FrontDoorHost,
    StoreCloser,
  ],
  exports: [FrontDoorHost],
})
export class StorageModule {}
