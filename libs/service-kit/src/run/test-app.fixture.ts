import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { needsMasterKey } from '@fornax/contracts';
import { loadCoreConfig } from '../config/core-config.js';
import { type Env, createLogger } from '@fornax/base';
import { startTelemetry } from '@fornax/base/telemetry';
import { closeApp, createApp, openApp } from './create-app.js';

export interface TestApp {
  readonly app: NestFastifyApplication;
  /** Base URL on a free loopback port. */
  readonly url: string;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** `FORNAX_NATS_URL`, `FORNAX_DATABASE_URL` and so on; a master key is made up when there is none. */
  readonly env: Env;
  readonly name?: string;
  /** Told that the process would end by itself, to begin anew. */
  readonly onRestart?: (why: string) => void;
}

const SOME_KEY = Buffer.alloc(32, 7).toString('base64');
const DEFAULTS: Env = {
  FORNAX_LOG_LEVEL: 'error',
  // On a slow machine rows come late; what a spec reads after it wrote is up to date all the same.
  FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: '30000',
};

/** The service as `runService` runs it, on a free port, inside a test. Errors that nobody handles fail the test. */
export const createTestApp = async (
  module: Type | DynamicModule,
  { env, name = 'test', onRestart = () => undefined }: TestAppOptions,
): Promise<TestApp> => {
  const config = loadCoreConfig(
    name,
    needsMasterKey(name) ? { FORNAX_MASTER_KEY: SOME_KEY, ...DEFAULTS, ...env } : { ...DEFAULTS, ...env },
  );
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const parts = {
    config,
    env,
    logger: createLogger(name, config.logLevel),
    telemetry: startTelemetry({ service: name }),
    onFatal,
  };
  const app = await createApp(module, parts);
  const url = await openApp(app, { port: 0, host: '127.0.0.1', onRestart });
  return { app, url, close: () => closeApp(app) };
};
