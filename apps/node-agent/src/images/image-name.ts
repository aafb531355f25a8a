import { UserError } from '../failure/user-error.js';

/** Where an image is asked for, and by which name. */
export interface ImageName {
  /** Scheme, host and port of the registry. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
}

/** What a task says of its image. */
export interface AskedImage {
  readonly server: string;
  readonly repository: string;
  readonly tag: string;
}

/** Where profiles look unless a task names another place; it stands for the first registry of the node. */
export const DOCKER_HUB = 'https://registry-1.docker.io';
const NAMES_OF_HUB = new Set(['https://docker.io', 'https://index.docker.io', DOCKER_HUB]);

const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const HOST = /^(?:localhost|[^/]*[.:][^/]*)$/;

const refuse = (what: string, text: string): UserError =>
  new UserError('FX-IMAGE', `${what} ${JSON.stringify(text.slice(0, 200))} is not the name of an image`);

/** Scheme, host and port of an address that may lack its scheme. @throws UserError */
const originOf = (text: string): string => {
  const whole = /^https?:\/\//.test(text) ? text : `https://${text}`;
  if (!URL.canParse(whole)) throw new UserError('FX-IMAGE', 'DOCKER_SRV is not the address of a registry');
  return new URL(whole).origin;
};

export const isDigest = (reference: string): boolean => DIGEST.test(reference);

/**
 * Tells which image a task asks for.
 * @param registries those that the node may ask; the first is the one of tasks that name none
 * @throws UserError it is no name, or of a registry that the node may not ask
 */
export const imageNameOf = (asked: AskedImage, registries: readonly string[]): ImageName => {
  const [first = DOCKER_HUB] = registries;
  const [path = '', ownDigest] = asked.repository.trim().split('@', 2);
  const [host = '', ...rest] = path.split('/');
  const server = originOf(asked.server.trim() === '' ? DOCKER_HUB : asked.server.trim());
  const isByDefault = NAMES_OF_HUB.has(server);
  const hasHost = isByDefault && rest.length > 0 && HOST.test(host);
  const wanted = hasHost ? originOf(host) : server;
  const registry = NAMES_OF_HUB.has(wanted) && !registries.includes(DOCKER_HUB) ? first : wanted;
  const real = NAMES_OF_HUB.has(registry) ? DOCKER_HUB : registry;
  // A name of a host says nothing of a scheme: an operator's list does.
  const allowed = registries.find((one) => one === real || (hasHost && new URL(one).host === new URL(real).host));
  if (allowed === undefined)
    throw new UserError(
      'FX-IMAGE',
      `This node does not pull images from ${registry}: its operator allows ${registries.join(', ')}`,
    );
  const named = hasHost ? rest.join('/') : path;
  const repository = allowed === DOCKER_HUB && !named.includes('/') ? `library/${named}` : named;
  if (!REPOSITORY.test(repository) || repository.length > 255) throw refuse('DOCKER_REPO', asked.repository);
  const reference = ownDigest ?? (asked.tag.trim().replace(/^@/, '') || 'latest');
  if (!TAG.test(reference) && !DIGEST.test(reference)) throw refuse('DOCKER_TAG', reference);
  return { registry: allowed, repository, reference };
};

/** As people write it. */
export const wordsFor = ({ registry, repository, reference }: ImageName): string =>
  `${registry === DOCKER_HUB ? '' : `${new URL(registry).host}/`}${repository}${isDigest(reference) ? '@' : ':'}${reference}`;
