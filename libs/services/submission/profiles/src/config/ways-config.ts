import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const ports = z
  .string()
  .regex(/^(\d{1,5}-\d{1,5})?$/, 'must be two ports, as in 20000-20999')
  .default('')
  .transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  })
  .refine(({ first, last }) => (first === 0 && last === 0) || (first >= 1 && first <= last && last <= 65_535), {
    message: 'must be two ports from 1 to 65535, the lower one first',
  });

const settings = z.object({
  /** `off`: no port of an instance is forwarded. */
  FORNAX_WAYS: z.enum(['on', 'off']).default('on'),
  /** Address that forwards listen on. */
  FORNAX_WAYS_HOST: z.union([z.ipv4(), z.ipv6()], 'must be an IP address of this machine').default('127.0.0.1'),
  /** Name or address by which users reach it; that address itself where it is not set. */
  FORNAX_WAYS_PUBLIC_HOST: z.string().min(1).max(255).optional(),
  /** Ports of forwards, as in 20000-20999; any free ones where it is not set. */
  FORNAX_WAYS_PORTS: ports,
  /** Address and port on which agents of nodes connect to carry; 0 is any free port. */
  FORNAX_WAYS_NODE_HOST: z.union([z.ipv4(), z.ipv6()], 'must be an IP address of this machine').default('127.0.0.1'),
  FORNAX_WAYS_NODE_PORT: intSetting({ min: 0, max: 65_535 }).default(0),
  /** Name or address by which nodes reach it; that address itself where it is not set. */
  FORNAX_WAYS_NODE_PUBLIC_HOST: z.string().min(1).max(255).optional(),
  /** Connections into instances that are open at once, of all together. */
  FORNAX_WAYS_CONNECTIONS: intSetting({ min: 1, max: 100_000 }).default(1_000),
  /** Connections between instances of one task on different nodes that are open at once, of all together: twice those of 128 instances of which each talks to each. */
  FORNAX_WAYS_PEERS: intSetting({ min: 1, max: 100_000 }).default(16_384),
  /** Forwards of one account at once. */
  FORNAX_WAYS_PER_ACCOUNT: intSetting({ min: 0, max: 100_000 }).default(100),
  /** `off`: nobody runs a command in a running instance or reaches a port of it that its task does not ask for. `FORNAX_WAYS=off` does that too. */
  FORNAX_SESSIONS: z.enum(['on', 'off']).default('on'),
  /** Sessions in running instances that one account has open at once. */
  FORNAX_SESSIONS_PER_ACCOUNT: intSetting({ min: 1, max: 10_000 }).default(20),
});

/** What an operator sets about ways into instances. */
export interface WaysConfig {
  readonly isOn: boolean;
  readonly host: string;
  readonly publicHost: string;
  /** Both 0: any free one. */
  readonly ports: { readonly first: number; readonly last: number };
  readonly nodes: { readonly host: string; readonly port: number; readonly publicHost: string };
  readonly mostConnections: number;
  readonly mostPeers: number;
  readonly mostPerAccount: number;
  readonly sessions: { readonly isOn: boolean; readonly mostPerAccount: number };
}

export const WAYS_CONFIG = Symbol('fornax.ways-config');

const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
const nameOf = (host: string): string => WILDCARDS[host] ?? host;

/** @throws ConfigError */
export const loadWaysConfig = (env: Env): WaysConfig => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    isOn: values.FORNAX_WAYS === 'on',
    host: values.FORNAX_WAYS_HOST,
    publicHost: values.FORNAX_WAYS_PUBLIC_HOST ?? nameOf(values.FORNAX_WAYS_HOST),
    ports: values.FORNAX_WAYS_PORTS,
    nodes: {
      host: values.FORNAX_WAYS_NODE_HOST,
      port: values.FORNAX_WAYS_NODE_PORT,
      publicHost: values.FORNAX_WAYS_NODE_PUBLIC_HOST ?? nameOf(values.FORNAX_WAYS_NODE_HOST),
    },
    mostConnections: values.FORNAX_WAYS_CONNECTIONS,
    mostPeers: values.FORNAX_WAYS_PEERS,
    mostPerAccount: values.FORNAX_WAYS_PER_ACCOUNT,
    sessions: {
      isOn: values.FORNAX_WAYS === 'on' && values.FORNAX_SESSIONS === 'on',
      mostPerAccount: values.FORNAX_SESSIONS_PER_ACCOUNT,
    },
  });
};
