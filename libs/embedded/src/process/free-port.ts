import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { SetupError, errorCode } from './setup-error.js';

/**
 * Below the range from which Linux takes the ports of outgoing connections (ip_local_port_range, 32768 and up): so a server that
 * is started again finds its old port free.
 */
const FIRST_PORT = 18_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 100;

/**
 * A TCP port of the loopback interface that nobody listens on at the moment of asking, and that no other caller of this function on the
 * machine is given while this process lives. A program that knows nothing of this may still take it before the caller does, so a server that
 * can start again with another port does so on "address in use".
 */
export const findFreePort = async (host = '127.0.0.1'): Promise<number> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if ((await reserve(port)) && (await portState(port, host)) === 'free') return port;
  }
  throw new SetupError(`no free port of ${host} was found between ${FIRST_PORT} and ${LAST_PORT}`);
};

/** Of this process, where a name cannot be taken for the whole machine. */
const reserved = new Set<number>();

/**
 * Takes a name for the port that the kernel gives once and takes back when this process ends, however it ends: a socket in Linux's abstract
 * namespace, which belongs to the network namespace as the ports do. Two platforms that start at once thus never choose one port, which neither
 * would notice before its server listens seconds later.
 */
const reserve = async (port: number): Promise<boolean> => {
  if (reserved.has(port)) return false;
  reserved.add(port);
  if (process.platform !== 'linux') return true;
  const holder = createServer((connection) => connection.destroy()).unref();
  holder.listen(`\0fornax-port-${port}`);
  try {
    await once(holder, 'listening');
    return true;
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') return false;
    throw error;
  }
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
