export { OUTPUT_MIGRATIONS } from './migrations/output-migrations.js';
export { OutputModule } from './output.module.js';
