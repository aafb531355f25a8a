import { Module } from '@nestjs/common';
import { BillingModule } from '@fornax/billing';
import { NodeRegistryModule } from '@fornax/node-registry';
import { SchedulerModule } from '@fornax/scheduler';
import { SnapshotModule } from '@fornax/snapshot';
import { StorageModule } from '@fornax/storage';
import { SubmissionModule } from '@fornax/submission';

/** All six services in one process: for one machine. They talk as they do in six processes. */
@Module({
  imports: [SubmissionModule, SchedulerModule, NodeRegistryModule, StorageModule, BillingModule, SnapshotModule],
})
export class PlatformModule {}
