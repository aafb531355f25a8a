import {
  CONTROL_SERVICES,
  SERVICE_RIGHTS,
  STREAMS,
  allHeartbeatsSubject,
  allLiveSubject,
  isNodeRpcSubject,
  type Aggregate,
  needsMasterKey,
} from '@fornax/contracts';
import {
  Global,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  DurablePublisher,
  ensureStreams,
  ArchiveClient,
  JetStreamLog,
  managerOf,
  onReconnect,
  Quarantine,
  type EventLog,
} from '@fornax/event-store';
import type { Logger } from 'pino';
import {
  AccountDirectory,
  AuthGuard,
  CLOSED_SECRETS,
  Fingerprints,
  keyedFingerprints,
  openSealer,
  plainFingerprints,
  Sealer,
} from '@fornax/identity';
import { masterKeyOf, type CoreConfig } from '../config/core-config.js';
import { type Env, RpcClient, systemClock, systemMonotonicClock, type Clock } from '@fornax/base';
import { CarriedOutInterceptor, noteCommit } from '../errors/carried-out.js';
import { DiskWatch } from '../disk/disk-watch.js';
import { WireExceptionFilter } from '../errors/wire-exception.filter.js';
import { LogWatch } from '../log/watch/log-watch.js';
import { LogStateController } from '../operators/log-state.controller.js';
import { HeaderChecks } from '../http/door/header-checks.js';
import { AuditAnswers } from '../operators/audit-answers.js';
import { LogAuditController } from '../operators/log-audit.controller.js';
import { LogController } from '../operators/log.controller.js';
import { ProjectionHost } from '../projections/projection-host.js';
import { ReadBarriers } from '../projections/read-barriers.js';
import { ProjectionsController } from '../operators/projections.controller.js';
import { QuarantineReview } from '../quarantine/quarantine-review.js';
import { QuarantineWatch } from '../quarantine/quarantine-watch.js';
import { QuarantineController } from '../operators/quarantine.controller.js';
import { CoreMetrics } from './core-metrics.js';
import { HealthRegistry } from '../core/health.registry.js';
import { LogStore } from '../core/log-store.js';
import { WriteStops } from '../core/write-stops.js';
import { writerOf } from '../core/writer-of.js';
import { connectAs } from './connect-as.js';
import { Opened } from '../core/opened.js';
import {
  CLOCK,
  CORE_CONFIG,
  ENV,
  EVENT_LOG,
  LOGGER,
  MONOTONIC_CLOCK,
  NATS,
  NODES_NATS,
  PUBLISHER,
} from '../core/tokens.js';

/** Closes what the process shares, after everything that uses it has stopped. */
@Injectable()
class SharedResources implements OnApplicationShutdown {
  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(NODES_NATS) private readonly nodesNats: NatsConnection,
    private readonly accounts: AccountDirectory,
    private readonly disks: DiskWatch,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.disks.stop();
    await this.accounts.close();
    await Promise.all([this.nats.close(), this.nodesNats.close()]);
  }
}

/** What all services share, once for each process: the connection, the log, accounts, keys, time. Imported by `runService` alone. */
@Global()
@Module({})
export class CoreModule {
  static forRoot(config: CoreConfig, logger: Logger, env: Env, opened: Opened): DynamicModule {
    return {
      module: CoreModule,
      controllers: [ProjectionsController, LogController, LogAuditController, LogStateController, QuarantineController],
      providers: [
        AuditAnswers,
        { provide: CORE_CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: ENV, useValue: env },
        { provide: Opened, useValue: opened },
        { provide: CLOCK, useValue: systemClock },
        { provide: MONOTONIC_CLOCK, useValue: systemMonotonicClock },
        ...keysOf(config),
        HealthRegistry,
        LogStore,
        WriteStops,
        LogWatch,
        HeaderChecks,
        {
          provide: NATS,
          inject: [HealthRegistry],
          useFactory: (health: HealthRegistry) => openNats(config, health, opened),
        },
        {
          provide: NODES_NATS,
          inject: [NATS],
          useFactory: (nats: NatsConnection) => openNodesNats(config, nats, opened),
        },
        {
          provide: EVENT_LOG,
          inject: [NATS, WriteStops, HealthRegistry, LogWatch, LogStore],
          useFactory: async (
            nats: NatsConnection,
            stops: WriteStops,
            health: HealthRegistry,
            watch: LogWatch,
            store: LogStore,
          ) => {
            onReconnect(nats, () => store.reconnected());
            const log = await JetStreamLog.open(nats, {
              replicas: config.nats.replicas,
              reader: config.name,
              gate: watch,
              archive: new ArchiveClient(nats),
              checkWritable: (commit) => stops.check(writerOf(commit)),
              onStoreRefused: (reason) => store.refused(reason),
              onFailed: () => store.failed(),
              onAppended: (sequence) => {
                store.accepted(sequence);
                noteCommit();
              },
            });
            const aggregate = appendedBy(config.name);
            if (aggregate !== undefined)
              health.readiness('event log', () => log.checkTakes(aggregate).then(() => undefined));
            return log;
          },
        },
        {
          provide: DiskWatch,
          inject: [WriteStops],
          useFactory: async (stops: WriteStops): Promise<DiskWatch> => {
            const watch = new DiskWatch(stops, { folders: config.diskFolders, lowBytes: config.diskLowBytes });
            await watch.start();
            opened.add(() => Promise.resolve(watch.stop()));
            return watch;
          },
        },
        { provide: PUBLISHER, inject: [NATS], useFactory: (nats: NatsConnection) => new DurablePublisher(nats) },
        {
          provide: AccountDirectory,
          inject: [EVENT_LOG, { token: Sealer, optional: true }, HealthRegistry, CLOCK, Quarantine],
          useFactory: (
            log: EventLog,
            sealer: Sealer | undefined,
            health: HealthRegistry,
            clock: Clock,
            quarantine: Quarantine,
          ) => {
            const secrets = sealer ?? CLOSED_SECRETS;
            const directory = new AccountDirectory(log, secrets, clock, quarantine, health.follower('accounts'));
            health.readiness('accounts', () => directory.whyNotReady);
            return directory;
          },
        },
        { provide: Quarantine, inject: [EVENT_LOG], useFactory: (log: JetStreamLog) => log.quarantine },
        CoreMetrics,
        QuarantineWatch,
        QuarantineReview,
        { provide: RpcClient, inject: [NATS], useFactory: (nats: NatsConnection) => new RpcClient(nats) },
        ProjectionHost,
        ReadBarriers,
        SharedResources,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_INTERCEPTOR, useClass: CarriedOutInterceptor },
        { provide: APP_FILTER, useClass: WireExceptionFilter },
      ],
      exports: [
        AuditAnswers,
        CORE_CONFIG,
        ENV,
        Opened,
        LOGGER,
        CLOCK,
        MONOTONIC_CLOCK,
        Fingerprints,
        ...(needsMasterKey(config.name) ? [Sealer] : []),
        HealthRegistry,
        LogStore,
        WriteStops,
        LogWatch,
        HeaderChecks,
        NATS,
        NODES_NATS,
        EVENT_LOG,
        PUBLISHER,
        AccountDirectory,
        RpcClient,
        ProjectionHost,
        ReadBarriers,
        Quarantine,
      ],
    };
  }
}

/** What seals and opens in a process, where it is to have the master key. */
const keysOf = (config: CoreConfig): Provider[] => {
  if (!needsMasterKey(config.name)) return [{ provide: Fingerprints, useFactory: plainFingerprints }];
  return [
    { provide: Fingerprints, inject: [Sealer], useFactory: keyedFingerprints },
    {
      provide: Sealer,
      inject: [EVENT_LOG, LOGGER],
      // Nobody seals with, or stumbles over, a key that is not the log's.
      useFactory: async (log: EventLog, logger: Logger): Promise<Sealer> => {
        const { masterKeysRead, masterKeySource: source, masterKeyLost: lostFor } = config;
        const onUnreadable = (reason: string): void =>
          logger.warn({ reason }, 'the start waits for the event log: the master keys of before are in it');
        const keys = { masterKey: masterKeyOf(config), masterKeysRead, source, lostFor };
        const { sealer, opensLog } = await openSealer(log, { ...keys, onUnreadable });
        if (!opensLog)
          logger.warn(
            'the master key of the log is given up: tokens, secrets of tasks and webhooks of before stay closed',
          );
        return sealer;
      },
    },
  ];
};

/** What a process of this name may append, as its rights say; everything, when it is none of the services. */
const appendedBy = (name: string): Aggregate | undefined => {
  const service = CONTROL_SERVICES.find((known) => known === name);
  return service === undefined ? 'task' : SERVICE_RIGHTS[service].appends[0];
};

const openNats = async (config: CoreConfig, health: HealthRegistry, opened: Opened): Promise<NatsConnection> => {
  const nats = await connectAs(config.name, config.nats);
  opened.add(() => nats.close());
  await ensureStreams(nats, { replicas: config.nats.replicas });
  for (const warning of config.warnings) health.warn(warning);
  health.readiness('nats', () => nats.flush().then(() => undefined));
  const streams = await managerOf(nats);
  for (const stream of Object.values(STREAMS))
    health.readiness(`stream ${stream}`, () => streams.streams.info(stream).then(() => undefined));
  return nats;
};

/**
 * A connection of its own for what nodes push without being asked: heartbeats, live figures, requests. The server cuts off whoever does not keep up,
 * and one node can send faster than anybody reads: on the connection of the log that would end the commits of all (ADR 0036). A process that hears no node
 * has one connection.
 */
const openNodesNats = async (config: CoreConfig, nats: NatsConnection, opened: Opened): Promise<NatsConnection> => {
  if (!hearsNodes(config.name)) return nats;
  const own = await connectAs(`${config.name}-nodes`, config.nats);
  opened.add(() => own.close());
  return own;
};

const FROM_NODES: readonly string[] = [allHeartbeatsSubject, allLiveSubject];

const hearsNodes = (name: string): boolean => {
  const service = CONTROL_SERVICES.find((known) => known === name);
  if (service === undefined) return true;
  const { hears, answers } = SERVICE_RIGHTS[service];
  return hears.some((subject) => FROM_NODES.includes(subject)) || answers.some(isNodeRpcSubject);
};
