import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { SchedulerModule } from '@fornax/scheduler';

await runService(SchedulerModule, { name: 'scheduler', defaultPort: 8082 });
