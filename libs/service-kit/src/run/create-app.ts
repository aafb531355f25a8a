import type { DynamicModule, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { NatsConnection } from '@nats-io/transport-node';
import { Quarantine, type EventLog, type JetStreamLog } from '@fornax/event-store';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { AccountDirectory, endLiveAnswers } from '@fornax/identity';
import type { CoreConfig } from '../config/core-config.js';
import { type Env, type Clock, RecurringTrouble } from '@fornax/base';
import type { Telemetry } from '@fornax/base/telemetry';
import { CoreModule } from './core.module.js';
import { HealthRegistry } from '../core/health.registry.js';
import { WriteStops } from '../core/write-stops.js';
import { CLOCK, EVENT_LOG, NATS, NODES_NATS } from '../core/tokens.js';
import { admitRequests } from '../http/admit-requests.js';
import { guardConnections } from '../http/door/guard-connections.js';
import { HeaderChecks } from '../http/door/header-checks.js';
import { acceptAnyJson } from '../http/door/json-body.js';
import { operatorCheck, OPERATOR_CHECK, recoveryCheck, RECOVERY_CHECK } from '../http/door/operator-check.js';
import { answer200, fastifyOptions } from '../http/fastify-options.js';
import { apiPageRoutes } from '../http/openapi/api-page.js';
import { builtSite, docsSiteRoutes } from '../http/openapi/docs-site.js';
import { openApiDocument } from '../http/openapi/openapi-document.js';
import { letNothingBeGuessed } from '../http/door/nothing-guessed.js';
import { presentSessions } from '../http/door/present-sessions.js';
import { builtDashboard, dashboardRoutes, welcomeBrowsers } from '../http/dashboard/dashboard-site.js';
import { answerKnownMethods } from '../http/known-methods.js';
import { operationsRoutes } from '../http/operations-routes.js';
import { observeRequests } from '../http/request-telemetry.js';
import { messageOf } from '../log/watch/log-trouble.js';
import { LogWatch, type OnRestart } from '../log/watch/log-watch.js';
import { JetStreamStrategy } from '../log/jetstream.strategy.js';
import { RpcServer } from '../rpc/rpc-server.js';
import { NestLogger } from './nest-logger.js';
import { Opened } from '../core/opened.js';

export interface AppParts {
  readonly config: CoreConfig;
  /** What modules read settings of their own from. */
  readonly env: Env;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Something that must not stop has stopped. */
  readonly onFatal: (error: unknown) => void;
}

@Module({})
class RootModule {}

/** Puts a service's module (or several) together with what all share: HTTP, RPC over NATS, the log. Not listening yet. */
export const createApp = async (module: Type | DynamicModule, parts: AppParts): Promise<NestFastifyApplication> => {
  const { config, env, logger, telemetry, onFatal } = parts;
  const opened = new Opened();
  const adapter = new FastifyAdapter(fastifyOptions(config.door));
  const root: DynamicModule = {
    module: RootModule,
    imports: [CoreModule.forRoot(config, logger, env, opened), module],
  };
  const options = { bodyParser: false, abortOnError: false, logger: new NestLogger(logger) };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, options).catch(async (error: unknown) => {
    await opened.closeAll();
    throw error;
  });
  const fastify = adapter.getInstance();
  const [accounts, checks, clock] = [app.get(AccountDirectory), app.get(HeaderChecks), app.get<Clock>(CLOCK)];
  const tokens = { metrics: config.door.metricsToken, bootstrap: config.bootstrapToken };
  const isDamaged = (): boolean =>
    app
      .get(Quarantine)
      .damagedPlaces()
      .some(({ isGivenUp }) => !isGivenUp);
  const isRecovering = recoveryCheck(accounts, tokens, isDamaged);
  const isOperator = operatorCheck(tokens, isRecovering);
  checks.register(OPERATOR_CHECK, isOperator);
  checks.register(RECOVERY_CHECK, isRecovering);
  guardConnections(fastify.server, config.door);
  answerKnownMethods(fastify);
  acceptAnyJson(fastify);
  answer200(fastify);
  observeRequests(fastify, logger);
  letNothingBeGuessed(fastify);
  welcomeBrowsers(fastify);
  presentSessions(fastify);
  admitRequests(fastify, { limits: config.door, accounts, checks, now: () => clock.now() });
  endLiveAnswers(fastify, accounts);
  const openApi = (): object => openApiDocument(app, config.name);
  const [health, stops] = [app.get(HealthRegistry), app.get(WriteStops)];
  operationsRoutes(fastify, { name: config.name, health, stops, telemetry, openApi, isOperator });
  apiPageRoutes(fastify);
  docsSiteRoutes(fastify, builtSite());
  dashboardRoutes(fastify, builtDashboard(), config.publicStorageUrl);
  const rpc = new RpcServer(app.get<NatsConnection>(NATS), app.get<NatsConnection>(NODES_NATS), logger);
  app.connectMicroservice({ strategy: rpc }, { inheritAppConfig: true });
  const troubles = new Map<string, RecurringTrouble>();
  const troubleOf = (handler: string): RecurringTrouble => {
    const known = troubles.get(handler);
    if (known !== undefined) return known;
    const trouble = new RecurringTrouble({
      failed: (error, more) => logger.warn({ err: error, handler, more }, 'a log handler is interrupted, trying again'),
      over: (more) => logger.info({ handler, more }, 'a log handler goes on'),
    });
    troubles.set(handler, trouble);
    return trouble;
  };
  const log = new JetStreamStrategy({
    log: app.get<EventLog>(EVENT_LOG),
    databaseOf: (service) => app.get<DataSource>(getDataSourceToken(service)),
    quarantine: app.get(Quarantine),
    health: app.get(HealthRegistry),
    onError: (handler, error) => troubleOf(handler).failed(error),
    onWorking: (handler) => troubles.get(handler)?.succeeded(),
    onPassedOver: (handler, { sequence, aggregate, aggregateId }, other) =>
      logger.warn(
        { handler, sequence, aggregate, aggregateId, err: other },
        'a commit is passed over until an operator has decided about another aggregate that has stopped',
      ),
    onFailure: (handler, error) => {
      logger.error({ err: error, handler }, 'a log handler has stopped');
      onFatal(error);
    },
  });
  app.connectMicroservice({ strategy: log }, { inheritAppConfig: true });
  return app;
};

/** Where a process listens, and what it does when it must begin anew. */
export interface OpenOptions {
  readonly port: number;
  readonly host: string;
  readonly onRestart: OnRestart;
}

/**
 * Looks whether the log is the one that the rows were made from, before anything follows or writes it; then opens the doors: first NATS (so that
 * other services find this one), then HTTP. @returns the base URL
 */
export const openApp = async (app: NestFastifyApplication, { port, host, onRestart }: OpenOptions): Promise<string> => {
  const watch = app.get(LogWatch);
  await watch.start(app.get<NatsConnection>(NATS), app.get<JetStreamLog>(EVENT_LOG), onRestart);
  if (watch.trouble)
    app
      .get(AccountDirectory)
      .distrust(
        `${messageOf(watch.trouble)}. Nobody knows which tokens are good; /health tells an operator what to do`,
      );
  await app.init();
  await app.startAllMicroservices();
  await app.listen(port, host);
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
};

/** How long requests under way may take when the process ends, before their connections are cut. */
const CONNECTIONS_LIMIT_MS = 2_000;

/**
 * Ends the application in order. A connection that was opened and never used counts as busy to Node, and would hold the server open for a minute: after two seconds
 * all that are left are cut.
 */
export const closeApp = async (app: NestFastifyApplication): Promise<void> => {
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), CONNECTIONS_LIMIT_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
};
