import type { Socket } from 'node:net';

/** How long one direction may stay silent once the other has ended. */
const LINGER_MS = 60_000;
const KEEP_ALIVE_MS = 30_000;

/** Two connections of which each gets what the other one brings, with its ends; whoever writes faster than the other reads waits. */
export class Joined {
  private told: { readonly in: number; readonly out: number };

  /** @param client from outside @param carrier into the instance */
  constructor(
    private readonly client: Socket,
    private readonly carrier: Socket,
    onClosed: () => void,
  ) {
    // What it said before, of itself, is nobody's.
    this.told = { in: client.bytesRead - client.readableLength, out: client.bytesWritten };
    let isClosed = false;
    const close = (): void => {
      client.destroy();
      carrier.destroy();
      if (!isClosed) onClosed();
      isClosed = true;
    };
    for (const socket of [client, carrier]) {
      socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
      socket.on('error', close);
      socket.once('end', () => {
        for (const one of [client, carrier]) one.setTimeout(LINGER_MS, close);
      });
      // Both are over once both directions have ended; one that breaks takes the other one with it.
      socket.once('close', (hadError) => {
        if (hadError || client.destroyed === carrier.destroyed || !socket.readableEnded) close();
      });
    }
    client.pipe(carrier);
    carrier.pipe(client);
  }

  /** Bytes since it was asked last, to and from the instance. */
  moved(): { readonly in: number; readonly out: number } {
    const now = { in: this.client.bytesRead, out: this.client.bytesWritten };
    const since = { in: now.in - this.told.in, out: now.out - this.told.out };
    this.told = now;
    return since;
  }

  close(): void {
    this.client.destroy();
    this.carrier.destroy();
  }
}
