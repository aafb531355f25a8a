import { once } from 'node:events';
import type { Server } from 'node:http';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { RPC, leaseStatusReplySchema } from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { accessDenied, s3Error, S3Error } from '@fornax/s3';
import {
  CLOCK,
  CORE_CONFIG,
  HealthRegistry,
  LOGGER,
  WriteStops,
  type CoreConfig,
  type Writer,
} from '@fornax/service-kit';
import { AccountDirectory, verifyLeaseToken, verifyServiceToken } from '@fornax/identity';
import { RpcClient, durationHistogram, inSpan, type Clock } from '@fornax/base';
import { LeaseGate } from '../access/lease-gate.js';
import type { Identities, Principal } from '../access/principal.js';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { QuotaGate } from '../buckets/quota-gate.js';
import { StorageUsage } from '../buckets/storage-usage.js';
import { StoreWatch } from '../store/store-watch.js';
import { StorageReads } from '../reading/storage-reads.js';
import type { S3Parts } from '../s3/exchange.js';
import { createFrontDoor } from './front-door.js';
import type { StorageConfig } from '../config/storage.config.js';
import { OBJECT_STORE, STORAGE_CONFIG } from '../config/tokens.js';
import type { ServiceLogger } from '../config/tokens.js';

const WRITERS = { user: 'user', lease: 'node', service: 'platform' } as const satisfies Record<
  Principal['kind'],
  Writer
>;

/** How long requests in progress may take to end when the process stops. */
const STOP_GRACE_MS = 4_000;
const LEASE_STATUS_TIMEOUT_MS = 2_000;

/** E-mail and token of a user, or the session token of a lease. */
@Injectable()
export class StorageIdentities implements Identities {
  constructor(
    private readonly accounts: AccountDirectory,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  byAccessKey(accessKey: string) {
    const found = this.accounts.byEmail(accessKey);
    if (!found) return undefined;
    const { id: account, email, role } = found.account;
    return {
      principal: { kind: 'user' as const, account, email, isReadOnly: role === 'auditor' },
      secrets: found.secrets,
    };
  }

  bySessionToken(token: string) {
    const lease = verifyLeaseToken(this.config.masterKey, token);
    if (lease) return { principal: { kind: 'lease' as const, claims: lease.claims }, secrets: [lease.secretKey] };
    const service = verifyServiceToken(this.config.masterKey, token);
    return service && { principal: { kind: 'service' as const, claims: service.claims }, secrets: [service.secretKey] };
  }
}

/** What stands between a verified request and the store. */
@Injectable()
export class StorageGates {
  readonly leases: LeaseGate;
  readonly quotas: QuotaGate;

  constructor(rpc: RpcClient, accounts: AccountDirectory, usage: StorageUsage, @Inject(CLOCK) clock: Clock) {
    const now = (): number => clock.now();
    this.leases = new LeaseGate({
      now,
      isCurrent: async (lease) =>
        (await rpc.request(RPC.leaseStatus, lease, leaseStatusReplySchema, LEASE_STATUS_TIMEOUT_MS)).current,
    });
    this.quotas = new QuotaGate({
      now,
      maxBytes: (owner) => accounts.byId(owner)?.quotas.maxStorageBytes,
      usedBytes: async (owner) => (await usage.of(owner)).usedBytes,
    });
  }
}

let durations: ReturnType<typeof durationHistogram> | undefined;

/** Spans and durations of requests; a refusal is an answer, not a failure of the span. */
const observed: S3Parts['observe'] = async ({ operation, parent }, run) => {
  durations ??= durationHistogram('fornax.s3.duration', 'Duration of S3 requests, by operation');
  const startedAt = performance.now();
  let refusal: S3Error | undefined;
  try {
    await inSpan(`S3 ${operation}`, { kind: 'server', parent }, () =>
      run().catch((error: unknown) => {
        if (!(error instanceof S3Error)) throw error;
        refusal = error;
      }),
    );
    if (refusal) throw refusal;
  } finally {
    durations.record((performance.now() - startedAt) / 1000, { operation });
  }
};

/** The S3 endpoint as a part of the process: listens when the application is up, stops first when it ends. */
@Injectable()
export class FrontDoorHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #server: Server;

  constructor(
    @Inject(STORAGE_CONFIG) private readonly config: StorageConfig,
    @Inject(OBJECT_STORE) store: ObjectStore,
    buckets: BucketCommands,
    identities: StorageIdentities,
    gates: StorageGates,
    reads: StorageReads,
    watch: StoreWatch,
    stops: WriteStops,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
    health: HealthRegistry,
  ) {
    const parts: S3Parts = {
      store,
      buckets,
      identities,
      baseHosts: config.baseHosts,
      checkStore: () => {
        if (watch.trouble() !== undefined)
          throw s3Error('ServiceUnavailable', 'Objects cannot be served at present: the operator is told why.');
      },
      checkWritable: ({ kind }) => stops.check(WRITERS[kind]),
      checkLease: async (principal) => {
        if (principal.kind === 'lease') await gates.leases.check(principal.claims);
        if (principal.kind === 'service' && clock.now() >= principal.claims.expiresAt)
          throw accessDenied('The token has expired.');
      },
      catchUp: () => reads.catchUp(),
      checkQuota: (owner, moreBytes) => gates.quotas.check(owner, moreBytes),
      now: () => clock.now(),
      observe: observed,
      onError: (error, request) => logger.error({ err: error, ...request }, 'S3 request failed'),
    };
    this.#server = createFrontDoor(parts, config.door);
    health.readiness('s3', () => (this.#server.listening ? undefined : 'not listening yet'));
  }

  /** Of the listening server. */
  port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async onApplicationBootstrap(): Promise<void> {
    const listening = once(this.#server, 'listening');
    this.#server.listen(this.config.port, this.config.host);
    await listening.catch((cause: unknown) => {
      throw new Error(`the S3 endpoint cannot listen on port ${this.config.port} (FORNAX_STORAGE_PORT)`, { cause });
    });
    this.logger.info({ port: this.port() }, 'S3 endpoint listens');
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_GRACE_MS);
    await closed;
    clearTimeout(timer);
  }
}
