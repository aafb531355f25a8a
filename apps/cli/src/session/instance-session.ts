import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { WireInstanceSession } from '@fornax/client';

/** Opens the connection of a session, or one of its forward. @throws Error the platform's port is not reached */
export const dialSession = async (
  { host, port }: Pick<WireInstanceSession, 'host' | 'port'>,
  ticket: string,
): Promise<Socket> => {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, keepAlive: true });
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new Error(
      `The session's port ${host}:${port} of the platform cannot be reached: ask its operator (FORNAX_WAYS_HOST)`,
      { cause },
    );
  }
  socket.on('error', () => socket.destroy());
  socket.write(`session ${ticket}\n`);
  return socket;
};
