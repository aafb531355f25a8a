import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { WireInstanceSession } from '@fornax/client';
import { dialSession } from './instance-session.js';

/** Joins two connections, each direction with its end. */
const join = (near: Socket, far: Socket): void => {
  const close = (): void => {
    near.destroy();
    far.destroy();
  };
  for (const socket of [near, far])
    socket.on('error', close).once('close', (hadError) => {
      if (hadError || !socket.readableEnded) close();
    });
  if (near.destroyed || far.destroyed) return close();
  near.pipe(far);
  far.pipe(near);
};

const listening = (server: Server, { address, port }: { readonly address: string; readonly port: number }) =>
  new Promise<string>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      const at = server.address();
      resolve(
        typeof at === 'object' && at !== null
          ? `${address.includes(':') ? `[${address}]` : address}:${at.port}`
          : address,
      );
    });
  });

/** Listens here for connections to a port of an instance. @returns where, and when it is over @throws Error the port is taken, say */
export const openForward = async (
  session: WireInstanceSession,
  here: { readonly address: string; readonly port: number },
  signal: AbortSignal,
): Promise<{ readonly at: string; readonly over: Promise<void> }> => {
  const control = await dialSession(session, session.ticket);
  const waiting: ((ticket: string) => void)[] = [];
  createInterface({ input: control }).on('line', (line) => {
    const [, ticket] = /^ticket (\S+)$/.exec(line) ?? [];
    if (ticket !== undefined) waiting.shift()?.(ticket);
  });
  const all = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) => {
    all.add(near);
    near.on('error', () => near.destroy()).once('close', () => all.delete(near));
    waiting.push((ticket) => {
      dialSession(session, ticket).then(
        (far) => join(near, far),
        () => near.destroy(),
      );
    });
    control.write('connect\n');
  });
  const over = new Promise<void>((resolve) => {
    control.once('end', () => control.destroy());
    control.once('close', () => {
      server.close();
      for (const near of all) near.destroy();
      resolve();
    });
  });
  const leave = (): void => void control.destroy();
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return { at: await listening(server, here), over };
  } catch (error) {
    control.destroy();
    throw error;
  }
};
