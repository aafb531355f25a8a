import { connect } from 'node:net';

/** What is at an address: somebody listens, nobody does, or nobody knows. */
export type Reached = 'listens' | 'refused' | { readonly why: string };

const MOST_MS = 3_000;

/** Opens a connection and closes it again. */
export const reach = (host: string, port: number, mostMs = MOST_MS): Promise<Reached> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reached: Reached): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.setTimeout(mostMs, () => end({ why: `no answer within ${mostMs / 1000} s` }));
    socket.once('connect', () => end('listens'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : { why: error.message }),
    );
  });

/** Host and port of a URL. */
export const addressOf = ({ hostname, port, protocol }: URL): { readonly host: string; readonly port: number } => ({
  // The brackets of an IPv6 literal are none of its name.
  host: hostname.replace(/^\[(.*)\]$/, '$1'),
  port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
});

/** What to do where an address does not answer, by why. */
export const unreachable = (reached: Exclude<Reached, 'listens'>, { host, port }: { host: string; port: number }) =>
  reached === 'refused' ? `nobody listens on ${host}:${port}` : `${host}:${port} cannot be reached: ${reached.why}`;
