import { Module } from '@nestjs/common';
import { ENV, provideProjection, provideReadBarrier } from '@fornax/service-kit';
import { DATABASE, TasksModule } from '@fornax/tasks';
import { loadSecretsConfig, SECRETS_CONFIG } from './config/secrets-config.js';
import { KeyRotation } from './commands/key-rotation.js';
import { SecretCommits } from './commands/secret-commits.js';
import { SecretGrants } from './commands/secret-grants.js';
import { SecretValues } from './commands/secret-values.js';
import { DestroyedKeys } from './followers/destroyed-keys.js';
import { LeaseSecretsController } from './rpc/lease-secrets.controller.js';
import { KeysController } from './http/keys.controller.js';
import { SecretAccessesController } from './http/secret-accesses.controller.js';
import { SecretVersionsController } from './http/secret-versions.controller.js';
import { SecretsManagerController } from './http/secrets-manager.controller.js';
import { UnnamedKeys } from './commands/unnamed-keys.js';
import { KeySweep } from './process-managers/key-sweep.js';
import { SecretBarrier, SECRETS, SecretsProjection } from './model/secrets.projection.js';
import { AccessBarrier, SECRET_ACCESSES, SecretAccessesProjection } from './model/secret-accesses.projection.js';
import { SecretAccesses } from './queries/secret-accesses.js';
import { LeaseSecrets } from './commands/lease-secrets.js';
import { SecretLookup } from './queries/secret-lookup.js';

/** The secrets manager. */
@Module({
  imports: [TasksModule],
  controllers: [
    SecretsManagerController,
    SecretVersionsController,
    SecretAccessesController,
    LeaseSecretsController,
    KeysController,
    DestroyedKeys,
  ],
  providers: [
    { provide: SECRETS_CONFIG, inject: [ENV], useFactory: loadSecretsConfig },
    ...provideProjection(DATABASE, SecretsProjection),
    provideReadBarrier(SecretBarrier, SECRETS),
    ...provideProjection(DATABASE, SecretAccessesProjection),
    provideReadBarrier(AccessBarrier, SECRET_ACCESSES),
    SecretAccesses,
    SecretLookup,
    SecretCommits,
    SecretValues,
    SecretGrants,
    KeyRotation,
    LeaseSecrets,
    UnnamedKeys,
    KeySweep,
  ],
})
export class SecretsModule {}
