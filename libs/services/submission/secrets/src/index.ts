export { SecretsModule } from './secrets.module.js';
export { SECRET_MIGRATIONS } from './migrations/secret-migrations.js';
export { UnnamedKeys } from './commands/unnamed-keys.js';
export { KeySweep } from './process-managers/key-sweep.js';
