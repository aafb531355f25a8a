import { intSetting, loadConfig, type Env } from '@fornax/service-kit';
import { z } from 'zod';

const schema = z.object({
  /** A leading scheduler that was silent for this long is replaced by a standby, in milliseconds. */
  FORNAX_SCHEDULER_LEADER_TTL_MS: intSetting({ min: 500, max: 120_000 }).default(4_000),
});

export type SchedulerConfig = Readonly<z.output<typeof schema>>;
export const SCHEDULER_CONFIG = Symbol('fornax.scheduler.config');

export const loadSchedulerConfig = (env: Env): SchedulerConfig => loadConfig(schema, env);
