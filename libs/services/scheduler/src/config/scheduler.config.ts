import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const schema = z.object({
  /** A leading scheduler that was silent for this long is replaced by a standby, in milliseconds. */
  FORNAX_SCHEDULER_LEADER_TTL_MS: intSetting({ min: 500, max: 120_000 }).default(4_000),
  /** How long a living node may leave a lease out of its lists before it is asked what became of it, in milliseconds. */
  FORNAX_LEASE_MISSING_MS: intSetting({ min: 100, max: 3_600_000 }).default(30_000),
  /** How long a node may bring inputs, prepare or bring results without getting anything done, in milliseconds; how long a command runs is not its matter. */
  FORNAX_LEASE_STUCK_MS: intSetting({ min: 1_000, max: 86_400_000 }).default(1_800_000),
  /** Silence after which a node is lost, in milliseconds: the node registry's setting. */
  FORNAX_NODE_GRACE_MS: intSetting({ min: 100, max: 3_600_000 }).default(10_000),
  /** How often nodes tell which leases they work on, in milliseconds: the node registry's setting. */
  FORNAX_HEARTBEAT_LEASES_MS: intSetting({ min: 50, max: 600_000 }).default(10_000),
  /** `off`: no port of an instance is forwarded, and no task waits for a node that could; submission's setting. */
  FORNAX_WAYS: z.enum(['on', 'off']).default('on'),
});

export type SchedulerConfig = Readonly<z.output<typeof schema>>;
export const SCHEDULER_CONFIG = Symbol('fornax.scheduler.config');

export const loadSchedulerConfig = (env: Env): SchedulerConfig => loadConfig(schema, env);
