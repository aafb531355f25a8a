import { Inject, Injectable } from '@nestjs/common';
import { nkeyFromSeed, type Nkey } from '@fornax/event-store';
import { CORE_CONFIG, NATS, type CoreConfig } from '@fornax/service-kit';
import { Conflict } from '@fornax/base';
import type { NatsConnection } from '../connection/nats-connection.js';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';

/** The first nats-server that can ask the registry about a user (release notes of 2.10). */
const FIRST_MINOR = 10;

const isTooOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 2 || (major === 2 && minor < FIRST_MINOR);
};

/** Why a platform with such a server admits no node of another machine; undefined when it does. */
export const refusalOf = (version: string, hasIssuer: boolean): string | undefined => {
  if (isTooOld(version)) {
    return (
      `This platform's nats-server is ${version}. Nodes of other machines need 2.10 or later, which asks the platform who may connect; ` +
      'with an older one only the nodes of its own configuration work. Install a newer nats-server and start the platform again.'
    );
  }
  if (hasIssuer) return undefined;
  return (
    'This platform was not told how to admit nodes: FORNAX_NATS_ISSUER_SEED is not set, which goes with an auth_callout ' +
    'in the configuration of its NATS server.'
  );
};

/** Whether, and with which key, this platform admits nodes of other machines; and where they find it. */
@Injectable()
export class AdmissionPolicy {
  readonly issuer: Nkey | undefined;

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
  ) {
    const seed = config.issuerSeed;
    this.issuer = seed === undefined ? undefined : nkeyFromSeed(seed, 'account');
  }

  /** Servers as nodes see them. */
  get natsUrl(): string {
    return this.config.FORNAX_PUBLIC_NATS_URL ?? this.core.nats.url;
  }

  get storageUrl(): string {
    return this.core.publicStorageUrl ?? 'http://127.0.0.1:9000';
  }

  /** Why no node of another machine may join; undefined when they may. */
  refusal(): string | undefined {
    return refusalOf(this.nc.info?.version ?? '', this.issuer !== undefined);
  }

  /** @throws Conflict */
  assertAdmits(): void {
    const refusal = this.refusal();
    if (refusal !== undefined) throw new Conflict(refusal, { code: 'nodes-not-admitted' });
  }
}
