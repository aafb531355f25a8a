import 'reflect-metadata';
import { runService } from '@fornax/service-kit';
import { SubmissionModule } from '@fornax/submission';

await runService(SubmissionModule, { name: 'submission', defaultPort: 8081 });
