import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { NodeRegistryModule } from '@fornax/node-registry';

await runService(NodeRegistryModule, { name: 'node-registry', defaultPort: 8083 });
