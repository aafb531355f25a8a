import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats, isRefusal } from '@fornax/event-store';
import type { CoreConfig } from '../config/core-config.js';
import { ConfigError } from '@fornax/base';

/** Without what may stand before the host. */
const serverOf = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');

/**
 * Connects a process of the control plane to NATS.
 * @throws ConfigError the server refuses its user or password
 */
export const connectAs = async (
  name: string,
  { url, user, password }: Pick<CoreConfig['nats'], 'url' | 'user' | 'password'>,
): Promise<NatsConnection> => {
  try {
    return await connectNats({
      url,
      name: `fornax-${name}`,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
    });
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    throw new ConfigError([
      `FORNAX_NATS_USER, FORNAX_NATS_PASSWORD: the NATS server ${serverOf(url)} refuses them (${cause.message})`,
    ]);
  }
};
