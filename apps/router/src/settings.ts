import { loadDoorLimits, type DoorLimits } from '@fornax/service-kit';
import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';
import { SERVICES, type Service } from './routes.js';

export type Targets = Readonly<Record<Service, URL>>;

export interface RouterSettings {
  readonly host: string;
  readonly port: number;
  readonly targets: Targets;
  readonly logLevel: string;
  readonly door: DoorLimits;
}

const targets = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON object of service name to URL' });
      return z.NEVER;
    }
  })
  .pipe(
    z.record(
      z.enum(SERVICES),
      z.url().transform((url) => new URL(url)),
    ),
  );

const port = intSetting({ min: 0, max: 65_535 });
const schema = z.object({
  FORNAX_HTTP_PORT: port.optional(),
  FORNAX_PORT: port.optional(),
  FORNAX_HTTP_HOST: z.string().default('127.0.0.1'),
  FORNAX_ROUTER_TARGETS: targets,
  FORNAX_LOG_LEVEL: z.string().default('info'),
});

/** `FORNAX_ROUTER_TARGETS` is a JSON object: service name to base URL, all six of them. @throws ConfigError */
export const loadRouterSettings = (env: Env): RouterSettings => {
  const values = loadConfig(schema, env);
  return {
    host: values.FORNAX_HTTP_HOST,
    port: values.FORNAX_HTTP_PORT ?? values.FORNAX_PORT ?? 8080,
    targets: values.FORNAX_ROUTER_TARGETS,
    logLevel: values.FORNAX_LOG_LEVEL,
    door: loadDoorLimits(env),
  };
};
