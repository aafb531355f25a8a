import { NODES_ACCOUNT } from '@fornax/contracts';
import { LOG_ACCOUNT, type NatsLayout, type Principal, accountOf, principalsOf } from './nats-accounts.js';
import {
  type NatsPermissions,
  type NatsUser,
  fleetPermissions,
  nodePermissions,
  provisionerPermissions,
} from './nats-config.js';

/** The user of layout `open`, who may do everything in the account that owns the log. */
export const SERVICES_USER = 'services';
/** Who makes the streams before any service runs. */
export const PROVISIONER_USER = 'service/provisioner';
/**
 * An operator's tools: everything in the account that owns the log, streams included. Its password lies beside the others, and no process of
 * the platform is given it.
 */
export const OPERATOR_USER = 'service/operator';
/** Plays many nodes at once, for measurements; there is none unless it is asked for. */
export const FLEET_USER = 'service/fleet';
/** No node can have this name: a node's name holds no slash. */
export const userOf = (principal: Principal): string => `service/${principal}`;

/** Names of all users that need a password. */
export const userNames = (layout: NatsLayout, nodes: readonly string[]): readonly string[] => [
  ...(layout === 'open' ? [SERVICES_USER] : [PROVISIONER_USER, OPERATOR_USER]),
  ...principalsOf(layout).map(userOf),
  ...nodes,
];

const permissionsOf = (name: string): NatsPermissions =>
  name === FLEET_USER ? fleetPermissions : nodePermissions(name);

/** The users of each account, for `NatsConfig.users`. A service is alone in its account, which is its fence. */
export const natsUsers = (
  layout: NatsLayout,
  nodes: readonly string[],
  passwordOf: (user: string) => string,
): Readonly<Record<string, readonly NatsUser[]>> => {
  const user = (name: string): NatsUser => ({ user: name, password: passwordOf(name) });
  return {
    [LOG_ACCOUNT]:
      layout === 'open'
        ? [user(SERVICES_USER)]
        : [{ ...user(PROVISIONER_USER), permissions: provisionerPermissions }, user(OPERATOR_USER)],
    ...Object.fromEntries(principalsOf(layout).map((principal) => [accountOf(principal), [user(userOf(principal))]])),
    [NODES_ACCOUNT]: nodes.map((node) => ({ ...user(node), permissions: permissionsOf(node) })),
  };
};
