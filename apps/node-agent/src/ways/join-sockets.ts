import type { Socket } from 'node:net';

/** How long one direction may stay silent once the other has ended. */
const LINGER_MS = 60_000;

/** Gives each of two connections what the other one brings, with its ends. One that breaks takes the other one with it. */
export const joinSockets = (outer: Socket, inner: Socket): void => {
  const close = (): void => {
    outer.destroy();
    inner.destroy();
  };
  for (const socket of [outer, inner]) {
    socket.on('error', close);
    socket.once('end', () => {
      for (const one of [outer, inner]) one.setTimeout(LINGER_MS, close);
    });
    socket.once('close', (hadError) => {
      if (hadError || !socket.readableEnded) close();
    });
  }
  if (outer.destroyed || inner.destroyed) return close();
  outer.pipe(inner);
  inner.pipe(outer);
};
