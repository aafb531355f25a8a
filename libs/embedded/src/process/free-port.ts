import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { SetupError, errorCode } from './setup-error.js';

/**
 * Below the range from which Linux takes the ports of outgoing connections (ip_local_port_range, 32768 and up): so a server that
 * is started again finds its old port free.
 */
const FIRST_PORT = 18_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 100;
/** Given away here and perhaps not listened on yet: a process that starts several servers at once must not give one port to two of them. */
const given = new Set<number>();
const MAX_GIVEN = 1_000;

/**
 * A TCP port of the loopback interface that nobody listens on at the moment of asking. Another process may take it before
 * the caller does, so a server that gets its port this way starts again with another one on "address in use".
 */
export const findFreePort = async (host = '127.0.0.1'): Promise<number> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (given.has(port)) continue;
    if (given.size >= MAX_GIVEN) given.clear();
    given.add(port);
    if ((await portState(port, host)) === 'free') return port;
  }
  throw new SetupError(`no free port of ${host} was found between ${FIRST_PORT} and ${LAST_PORT}`);
};

/** Whether a server could listen on this port now. Errors other than "in use" or "not permitted" are thrown. */
export const portState = (port: number, host = '127.0.0.1'): Promise<'free' | 'in-use' | 'not-permitted'> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const code = errorCode(error);
      if (code === 'EADDRINUSE') resolve('in-use');
      else if (code === 'EACCES') resolve('not-permitted');
      else reject(error);
    });
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve('free')));
  });
