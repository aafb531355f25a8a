import { once } from 'node:events';
import { ConfigError, createLogger, endWithParent, onceStopped } from '@fornax/base';
import { startTelemetry } from '@fornax/base/telemetry';
import { createRouter } from './router.js';
import { loadRouterSettings } from './settings.js';

const CLOSE_LIMIT_MS = 3000;

const main = async (): Promise<void> => {
  const settings = loadRouterSettings(process.env);
  const logger = createLogger('router', settings.logLevel);
  const telemetry = startTelemetry({ service: 'router', otlpEndpoint: process.env['FORNAX_OTLP_ENDPOINT'] });
  const stopped = onceStopped();
  if (process.env['FORNAX_EXIT_WITH_PARENT'] === '1') endWithParent();
  const onError = (error: unknown): void => logger.error({ err: error }, 'request failed');
  const server = createRouter({ targets: settings.targets, door: settings.door, telemetry, onError });
  server.listen(settings.port, settings.host);
  await once(server, 'listening');
  logger.info({ address: server.address() }, 'listening');

  logger.info({ reason: await stopped }, 'stopping');
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS).unref();
  await closed;
  await telemetry.shutdown();
};

try {
  await main();
  process.exit(0);
} catch (error) {
  if (error instanceof ConfigError) process.stderr.write(`fornax-router ${error.message}\n`);
  else createLogger('router', 'error').fatal({ err: error }, 'cannot go on');
  process.exit(1);
}
