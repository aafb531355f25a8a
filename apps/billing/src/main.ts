import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { BillingModule } from '@fornax/billing';

await runService(BillingModule, { name: 'billing', defaultPort: 8085 });
