import { createServer } from 'node:net';
import { errorCode } from './setup-error.js';

/**
 * A TCP port of the loopback interface that nobody listens on at the moment of asking. Another process may take it before
 * the caller does, so a server that gets its port this way starts again with another one on "address in use".
 */
export const findFreePort = (host = '127.0.0.1'): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host, exclusive: true }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });

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
