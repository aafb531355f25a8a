import { NewerData } from '@fornax/contracts';
import type { DynamicModule, Type } from '@nestjs/common';
import {
  ConfigError,
  intSetting,
  loadConfig,
  createLogger,
  endWithParent,
  keepMemoryOutOfCoreDumps,
  onceStopped,
} from '@fornax/base';
import { startTelemetry } from '@fornax/base/telemetry';
import { loadCoreConfig } from '../config/core-config.js';
import { z } from 'zod';
import { closeApp, createApp, openApp } from './create-app.js';

export interface ServiceOptions {
  /** Name of the process: in logs, spans, connections. */
  readonly name: string;
  readonly defaultPort: number;
}

const SHUTDOWN_LIMIT_MS = 4500;
/** The process ends to begin anew (sysexits.h): whoever supervises it starts it again. */
const EX_TEMPFAIL = 75;

/** A restart would only say the same again (sysexits.h): the launcher stops and shows it. */
const EX_CONFIG = 78;

const portSettings = z.object({
  FORNAX_HTTP_PORT: intSetting({ min: 0, max: 65_535 }).optional(),
  FORNAX_PORT: intSetting({ min: 0, max: 65_535 }).optional(),
  FORNAX_HTTP_HOST: z.string().default('127.0.0.1'),
});

/**
 * The whole main() of a service: settings from the environment, HTTP, RPC, log handlers, health, metrics, logs; stops in order on
 * SIGTERM or SIGINT within five seconds. A wrong setting, or data of a newer release, ends the process with code 78, an error that nobody handles
 * with code 1.
 * The port is FORNAX_HTTP_PORT, else FORNAX_PORT, else the default; the address is FORNAX_HTTP_HOST, else loopback.
 */
export const runService = async (
  module: Type | DynamicModule,
  { name, defaultPort }: ServiceOptions,
): Promise<void> => {
  keepMemoryOutOfCoreDumps();
  try {
    await run(module, name, defaultPort);
  } catch (error) {
    if (error instanceof NewerData) {
      process.stderr.write(`fornax-${name} cannot start: ${error.message}\n`);
      process.exit(EX_CONFIG);
    }
    if (error instanceof ConfigError) {
      process.stderr.write(`fornax-${name} ${error.message}\n`);
      process.exit(EX_CONFIG);
    }
    createLogger(name, 'error').fatal({ err: error }, 'cannot start');
    process.exit(1);
  }
};

const run = async (module: Type | DynamicModule, name: string, defaultPort: number): Promise<void> => {
  const config = loadCoreConfig(name, process.env);
  const ports = loadConfig(portSettings, process.env);
  const logger = createLogger(name, config.logLevel);
  const telemetry = startTelemetry({ service: name, otlpEndpoint: process.env['FORNAX_OTLP_ENDPOINT'] });
  const onFatal = (error: unknown): void => {
    logger.fatal({ err: error }, 'the process ends because of an error that nobody handles');
    process.exit(1);
  };
  process.on('unhandledRejection', onFatal);
  process.on('uncaughtException', onFatal);
  const stopped = onceStopped();
  if (process.env['FORNAX_EXIT_WITH_PARENT'] === '1') endWithParent();

  const app = await createApp(module, { config, env: process.env, logger, telemetry, onFatal });
  const restart = Promise.withResolvers<'restart'>();
  const url = await openApp(app, {
    port: ports.FORNAX_HTTP_PORT ?? ports.FORNAX_PORT ?? defaultPort,
    host: ports.FORNAX_HTTP_HOST,
    onRestart: () => restart.resolve('restart'),
  });
  logger.info({ url }, 'listening');

  const reason = await Promise.race([stopped, restart.promise]);
  logger.info({ reason }, 'stopping');
  const deadline = setTimeout(() => {
    logger.error('did not stop in time');
    process.exit(1);
  }, SHUTDOWN_LIMIT_MS);
  await closeApp(app);
  await telemetry.shutdown();
  clearTimeout(deadline);
  logger.info('stopped');
  process.exit(reason === 'restart' ? EX_TEMPFAIL : 0);
};
