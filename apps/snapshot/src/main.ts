import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { SnapshotModule } from '@fornax/snapshot';

await runService(SnapshotModule, { name: 'snapshot', defaultPort: 8086 });
