import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { PlatformModule } from './platform.module.js';

await runService(PlatformModule, { name: 'platform', defaultPort: 8080 });
