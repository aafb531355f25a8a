import { Inject, Injectable } from '@nestjs/common';
import type { LeaseClaims } from '@fornax/contracts';
import { Sealer, signLeaseClaims } from '@fornax/identity';
import { CORE_CONFIG, type CoreConfig, masterKeyOf } from '@fornax/service-kit';
import type { SecretOpener } from '../leader/grants.js';

/** Opens and signs what a node is granted for a lease. */
@Injectable()
export class GrantKeys {
  constructor(
    private readonly sealer: Sealer,
    @Inject(CORE_CONFIG) private readonly core: Pick<CoreConfig, 'name' | 'masterKey'>,
  ) {}

  get secrets(): SecretOpener {
    return this.sealer;
  }

  sign(claims: LeaseClaims): ReturnType<typeof signLeaseClaims> {
    return signLeaseClaims(masterKeyOf(this.core), claims);
  }
}
