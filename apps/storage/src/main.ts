import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { StorageModule } from '@fornax/storage';

await runService(StorageModule, { name: 'storage', defaultPort: 8084 });
