import { nkeyFromSeed } from '@fornax/event-store';
import { ConfigError, intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const isServerList = (text: string): boolean =>
  text.split(',').every((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    const isServer = url !== undefined && /^(nats|tls|wss?):$/.test(url.protocol) && url.hostname !== '';
    return isServer && url.username === '' && url.password === '';
  });

const schema = z.object({
  /** Silence after which a node is declared lost, in milliseconds; its agent kills its instances at two thirds of it. */
  FORNAX_NODE_GRACE_MS: intSetting({ min: 500, max: 3_600_000 }).default(10_000),
  /** How often a node of a small fleet gives a sign of life, in milliseconds. */
  FORNAX_HEARTBEAT_MS: intSetting({ min: 50, max: 60_000 }).default(1_000),
  /** How often a heartbeat names the leases that its node works on, in milliseconds. */
  FORNAX_HEARTBEAT_LEASES_MS: intSetting({ min: 50, max: 600_000 }).default(10_000),
  /** A leading registry that was silent for this long is replaced, in milliseconds. */
  FORNAX_NODE_REGISTRY_LEADER_TTL_MS: intSetting({ min: 500, max: 120_000 }).default(4_000),
  /** Servers as nodes of other machines see them, comma-separated; default: as this process does. */
  FORNAX_PUBLIC_NATS_URL: z
    .string()
    .refine(isServerList, 'must be nats://, tls://, ws:// or wss:// addresses without user and password')
    .optional(),
  /** Seed (`SA...`) of the account key that the server's `auth_callout` trusts; without it no node of another machine can join. */
  FORNAX_NATS_ISSUER_SEED: z.string().optional(),
  /** Age after which a node that joined makes itself a new key, in milliseconds; 0 = only when an operator asks. */
  FORNAX_NODE_KEY_ROTATION_MS: intSetting({ min: 0, max: 10 * 365 * 86_400_000 }).default(30 * 86_400_000),
});

export interface NodeRegistryConfig extends Readonly<z.output<typeof schema>> {
  readonly issuerSeed: string | undefined;
}
export const NODE_REGISTRY_CONFIG = Symbol('fornax.node-registry.config');

/** @throws ConfigError */
export const loadNodeRegistryConfig = (env: Env): NodeRegistryConfig => {
  const values = loadConfig(schema, env);
  const { FORNAX_NATS_ISSUER_SEED: issuerSeed } = values;
  try {
    if (issuerSeed !== undefined) nkeyFromSeed(issuerSeed, 'account');
  } catch {
    throw new ConfigError(['FORNAX_NATS_ISSUER_SEED must be the seed of a NATS account key (it begins with SA)']);
  }
  return Object.freeze({ ...values, issuerSeed });
};
