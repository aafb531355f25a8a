import type { Profile } from './profile.js';

/** Runs one command in a container image, once for each instance (contract, section 4.13). */
export const dockerBatch: Profile = {
  name: 'docker-batch',
  version: 1,
  usesImage: true,
  constants: [
    { name: 'DOCKER_REPO', value: 'library/ubuntu', description: 'Repository of the image' },
    { name: 'DOCKER_TAG', value: 'latest', description: 'Tag of the image' },
    { name: 'DOCKER_CMD', value: '', description: 'Command to run; ${INSTANCE_ID} and other constants are filled in' },
    { name: 'DOCKER_SRV', value: 'https://registry-1.docker.io', description: 'Registry that holds the image' },
    { name: 'DOCKER_REGISTRY_LOGIN', value: '', description: 'User name at the registry' },
    { name: 'DOCKER_REGISTRY_PASSWORD', value: '', description: 'Password at the registry' },
    { name: 'DOCKER_USER', value: '', description: 'User that runs the command' },
    { name: 'DOCKER_HOST', value: '', description: 'Host name inside the container' },
    { name: 'DOCKER_WORKDIR', value: '${DOCKER_WORKDIR}', description: 'Directory in which the command starts' },
    { name: 'DOCKER_PROGRESS1', value: '', description: 'Regular expression that reads the progress from the output' },
    { name: 'DOCKER_PROGRESS2', value: '', description: 'Second regular expression that reads the progress' },
    { name: 'DOCKER_PROGRESS3', value: '', description: 'Third regular expression that reads the progress' },
    {
      name: 'DOCKER_START_CONTAINER_IN_ENVIRONMENT',
      value: 'false',
      description: 'Start the container before the instance runs',
    },
    { name: 'DOCKER_SHUTDOWN_CMD', value: '/bin/true', description: 'Command to run when the instance is over' },
    { name: 'USER_POOL_PREPARATION_CMD', value: '/bin/true', description: 'Command that prepares a node of a pool' },
    { name: 'RUN_USER_POOL_PREPARATION_CMD', value: 'false', description: 'Whether to run the preparation command' },
    { name: 'RESOURCES_PATH', value: '/job', description: 'Where resources are mounted and results are taken from' },
    { name: 'QARNOT_DISABLE_CPU_BOOST', value: 'false', description: "Run without the processor's boost" },
  ],
};
