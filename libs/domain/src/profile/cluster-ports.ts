import type { ProfileConstant } from './profile.js';

/** Instances of one task that find each other: each has a port of its own loopback for each port of each of them. */
export const MOST_CLUSTER_INSTANCES = 128;
export const MOST_CLUSTER_PORTS = 4;
/** The first of these ports. Below those that Linux gives to whoever asks for none. */
export const FIRST_PEER_PORT = 20_000;
const LAST_PEER_PORT = FIRST_PEER_PORT + MOST_CLUSTER_INSTANCES * MOST_CLUSTER_PORTS - 1;

/** Where instances of a task with a cluster profile listen for each other. */
export const clusterPortsConstant: ProfileConstant = {
  name: 'CLUSTER_PORTS',
  type: 'string',
  value: '7000',
  description: 'TCP ports on which each instance listens for the others, separated by commas, four at most',
  form: {
    pattern: '^\\d{1,5}(,\\d{1,5}){0,3}$',
    says: `one to four ports, as in 7000,7001: each once, from 1 to 65535, and none from ${FIRST_PEER_PORT} to ${LAST_PEER_PORT}, at which instances find each other`,
    fits: (value) => {
      const ports = value.split(',').map(Number);
      const isFree = (port: number): boolean =>
        port > 0 && port < 65_536 && (port < FIRST_PEER_PORT || port > LAST_PEER_PORT);
      return ports.every(isFree) && new Set(ports).size === ports.length;
    },
  },
  takesNoReference: true,
};
