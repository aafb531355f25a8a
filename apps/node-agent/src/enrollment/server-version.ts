import { ConfigError } from '@fornax/base';
/** Older servers do not keep nodes apart from the platform well enough for a machine that somebody else may hold (release notes of 2.10). */
const FIRST_MINOR = 10;

const isLoopback = (url: string): boolean => {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
};

/**
 * @param urls servers, comma-separated
 * @throws ConfigError the servers are on another machine and too old to ask the platform who may connect
 */
export const assertMayBeRemote = (urls: string, version: string): void => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 2 || (major === 2 && minor >= FIRST_MINOR) || urls.split(',').every(isLoopback)) return;
  throw new ConfigError(
    `the platform's nats-server is ${version}, and this node is on another machine: that needs 2.10 or later, where a node's ` +
      'access can be taken back at once. With this one only nodes on the machine of the platform start. Upgrade nats-server there.',
  );
};
