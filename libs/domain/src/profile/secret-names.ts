/** Constants named so are for the task alone (contract, section 4.5). */
const PREFIX = 'QARNOT_SECRET_';
/** The password of a registry is one by what it is. */
const REGISTRY_PASSWORD = 'DOCKER_REGISTRY_PASSWORD';

/** Says whether a constant of this name is a secret: sealed in every event, and shown to nobody. */
export const isSecretName = (name: string): boolean => name.startsWith(PREFIX) || name === REGISTRY_PASSWORD;
