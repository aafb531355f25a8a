import { clusterPortsConstant, FIRST_PEER_PORT, MOST_CLUSTER_INSTANCES, MOST_CLUSTER_PORTS } from './cluster-ports.js';
import { effectiveConstants } from './effective-constants.js';
import type { Profile } from './profile.js';
import { profileOf } from './profile-of.js';
import type { TaskSpec } from '../task/task.events.js';

/** What an instance knows of the others of its task. */
interface Cluster {
  /** On which each of them listens. */
  readonly ports: readonly number[];
  /** Their numbers, its own too, in their order. */
  readonly instances: readonly number[];
}

const portsOf = (text: string): readonly number[] => [
  ...new Set(
    text
      .split(',')
      .map(Number)
      .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536),
  ),
];

/** Ports on which instances of a task listen for each other; undefined: its profile has no network between them. */
export const clusterPortsOf = (spec: TaskSpec): readonly number[] | undefined => {
  if (profileOf(spec)?.needs.includes('cluster') !== true) return undefined;
  const found = effectiveConstants(spec).find(({ key }) => key === clusterPortsConstant.name);
  return portsOf(found && 'value' in found ? found.value : '').slice(0, MOST_CLUSTER_PORTS);
};

/** A port of the loopback of each instance, and where it leads to. */
export interface PeerPort {
  readonly local: number;
  readonly instance: number;
  readonly port: number;
}

/** The same in each instance, for itself too: so that all may tell each other of it. */
export const peerPortsOf = ({ ports, instances }: Cluster): readonly PeerPort[] =>
  instances.flatMap((instance, at) =>
    ports.map((port, which) => ({ local: FIRST_PEER_PORT + at * ports.length + which, instance, port })),
  );

/** Why a task of a profile cannot have so many instances; undefined: it can. */
export const clusterProblem = ({ needs, name }: Profile, instances: number): string | undefined =>
  needs.includes('cluster') && instances > MOST_CLUSTER_INSTANCES
    ? `A task of ${name} has at most ${MOST_CLUSTER_INSTANCES} instances.`
    : undefined;
