export { SecretsModule } from './secrets.module.js';
export { SECRET_MIGRATIONS } from './migrations/secret-migrations.js';
