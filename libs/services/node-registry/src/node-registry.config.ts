import { intSetting, loadConfig, type Env } from '@fornax/service-kit';
import { z } from 'zod';

const schema = z.object({
  /** Silence after which a node is declared lost, in milliseconds; its agent kills its instances at two thirds of it. */
  FORNAX_NODE_GRACE_MS: intSetting({ min: 500, max: 3_600_000 }).default(10_000),
  /** How often a node of a small fleet gives a sign of life, in milliseconds. */
  FORNAX_HEARTBEAT_MS: intSetting({ min: 50, max: 60_000 }).default(1_000),
  /** A leading registry that was silent for this long is replaced, in milliseconds. */
  FORNAX_NODE_REGISTRY_LEADER_TTL_MS: intSetting({ min: 500, max: 120_000 }).default(4_000),
});

export type NodeRegistryConfig = Readonly<z.output<typeof schema>>;
export const NODE_REGISTRY_CONFIG = Symbol('fornax.node-registry.config');

export const loadNodeRegistryConfig = (env: Env): NodeRegistryConfig => loadConfig(schema, env);
