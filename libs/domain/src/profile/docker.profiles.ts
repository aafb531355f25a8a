import { clusterPortsConstant } from './cluster-ports.js';
import { consistencyConstants } from './consistency.js';
import type { ProfileNetwork } from '../profile-document/profile-document.js';
import type { Profile, ProfileConstant, ProfileNeed, ProfilePort } from './profile.js';
import { SERVE_SSH } from './serve-ssh.js';

/** One year: longer than any task should run, and safe in milliseconds. */
const LONGEST_RUN_S = 31_536_000;

export const wallLimitConstant: ProfileConstant = {
  name: 'MAX_EXECUTION_SECONDS',
  type: 'integer',
  value: '0',
  min: 0,
  max: LONGEST_RUN_S,
  description: 'Seconds after which the command of an instance is stopped and the instance fails; 0 for no limit',
};

/** Megabytes of a million bytes, as many as a whole number of JavaScript holds in bytes. */
const MOST_DISK_MB = 1_000_000_000;

export const diskConstant: ProfileConstant = {
  name: 'INSTANCE_DISK_MB',
  type: 'integer',
  min: 0,
  max: MOST_DISK_MB,
  description:
    'Megabytes that the files of an instance may take where that is more than its node gives to every instance; it runs only where there is as much room',
};

export const resourcesConstant: ProfileConstant = {
  name: 'RESOURCES_PATH',
  type: 'string',
  value: '/job',
  description: 'Where resources are put, in or below /job',
};

const text = (name: string, description: string, value?: string): ProfileConstant => ({
  name,
  type: 'string',
  description,
  ...(value === undefined ? {} : { value }),
});
const flag = (name: string, description: string): ProfileConstant => ({
  name,
  type: 'boolean',
  value: 'false',
  description,
});
const progress = (which: number): ProfileConstant => ({
  name: `DOCKER_PROGRESS${which}`,
  type: 'pattern',
  description: `Regular expression ${which} that reads the progress out of standard output: a percentage, or "done" and "of" in two groups`,
});

/** Constants and defaults of docker-batch (contract, section 4.13), and the wall time limit, which is ours. */
const batch: readonly ProfileConstant[] = [
  text('DOCKER_REPO', 'Repository of the image', 'library/ubuntu'),
  text('DOCKER_TAG', 'Tag of the image', 'latest'),
  text('DOCKER_CMD', 'Command to run; ${INSTANCE_ID} and other constants are filled in'),
  text('DOCKER_SRV', 'Registry that holds the image', 'https://registry-1.docker.io'),
  text('DOCKER_REGISTRY_LOGIN', 'User name at the registry'),
  text('DOCKER_REGISTRY_PASSWORD', 'Password at the registry'),
  text('DOCKER_USER', 'User that runs the command'),
  text('DOCKER_HOST', 'Host name inside the container'),
  text('DOCKER_WORKDIR', 'Directory in which the command starts', '${DOCKER_WORKDIR}'),
  progress(1),
  progress(2),
  progress(3),
  flag('DOCKER_START_CONTAINER_IN_ENVIRONMENT', 'Start the container before the instance runs'),
  text(
    'DOCKER_SHUTDOWN_CMD',
    'Command to run beside the one of an instance that is stopped, before it is told to end',
    '/bin/true',
  ),
  text('USER_POOL_PREPARATION_CMD', 'Command that prepares a node of a pool', '/bin/true'),
  flag('RUN_USER_POOL_PREPARATION_CMD', 'Whether to run the preparation command'),
  resourcesConstant,
  flag('QARNOT_DISABLE_CPU_BOOST', "Run without the processor's boost"),
  wallLimitConstant,
  diskConstant,
  ...consistencyConstants,
];

/** Where whoever wants a way in over SSH runs its server. */
const SSH_PORT: ProfilePort = { name: 'ssh', applicationType: 'ssh', port: 22 };
const ssh = [text('DOCKER_SSH', 'Public key that may log in over SSH')];
const cluster: readonly ProfileConstant[] = [
  clusterPortsConstant,
  { name: 'SETUP_CLUSTER_NB_SLOTS', type: 'integer', value: '1', min: 1, max: 100_000, description: 'Slots of a node' },
  flag('LOCAL_FILES_COPY_FEATURE', 'Copy local files of the nodes to the results while the cluster runs'),
  {
    name: 'LOCAL_FILES_COPY_INTERVAL_SEC',
    type: 'integer',
    value: '60',
    min: 1,
    max: 86_400,
    description: 'Seconds between two copies',
  },
  { name: 'LOCAL_FILES_COPY_REGEX', type: 'pattern', description: 'Which local files are copied' },
];

const docker = (
  name: string,
  description: string,
  network: ProfileNetwork,
  needs: readonly ProfileNeed[],
  ...more: readonly ProfileConstant[]
): Profile => ({
  name,
  version: 1,
  description,
  needs: ['image', ...needs],
  network,
  ...(needs.includes('ssh') ? { ports: [SSH_PORT] } : {}),
  run: {
    constant: 'DOCKER_CMD',
    how: 'words',
    wallLimit: wallLimitConstant.name,
    progress: ['DOCKER_PROGRESS1', 'DOCKER_PROGRESS2', 'DOCKER_PROGRESS3'],
  },
  constants: [...batch, ...more],
});

/** Says what a task runs that gives no command: the server of its image, with the key of its owner. */
const servingSsh = (profile: Profile, version = profile.version): Profile => ({
  ...profile,
  version,
  constants: profile.constants.map((constant) =>
    constant.name === profile.run.constant
      ? { ...constant, value: SERVE_SSH, description: `${constant.description}; by default the sshd of the image` }
      : constant,
  ),
});

const networkSsh = docker(
  'docker-network-ssh',
  'As docker-network, with a way in over SSH',
  'outgoing',
  ['ssh'],
  ...ssh,
);

/** Constants that mean the same in every profile that has them. */
export const knownConstants = (): readonly ProfileConstant[] => [...batch, ...ssh, ...cluster];

/** The docker profiles that clients know (contract, section 4.13). */
export const dockerProfiles: readonly Profile[] = [
  docker('docker-batch', 'A command in a container, once for each instance', 'none', []),
  docker('docker-network', 'As docker-batch, with access to the network', 'outgoing', []),
  networkSsh,
  servingSsh(networkSsh, 2),
  docker('docker-nvidia-batch', 'As docker-batch, on a node with a graphics processor', 'none', ['gpu']),
  docker('docker-cluster', 'Instances that know of each other', 'none', ['cluster'], ...cluster),
  docker(
    'docker-cluster-network',
    'As docker-cluster, with access to the network',
    'outgoing',
    ['cluster'],
    ...cluster,
  ),
  servingSsh(
    docker(
      'docker-cluster-network-ssh',
      'As docker-cluster-network, with a way in over SSH',
      'outgoing',
      ['cluster', 'ssh'],
      ...cluster,
      ...ssh,
    ),
  ),
];
