import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

interface Expected {
  readonly take: (socket: Socket) => void;
  readonly timer: NodeJS.Timeout;
}

/** Connections that agents were asked for, each by a secret that is good once and for a while. */
export class Tickets {
  private readonly expected = new Map<string, Expected>();

  constructor(private readonly validMs: number) {}

  get size(): number {
    return this.expected.size;
  }

  /** @param take called with the connection that brings it @param late called when none has */
  issue(take: (socket: Socket) => void, late: () => void = () => undefined): string {
    const ticket = randomBytes(24).toString('base64url');
    const timer = setTimeout(() => {
      this.expected.delete(ticket);
      late();
    }, this.validMs).unref();
    this.expected.set(ticket, { take, timer });
    return ticket;
  }

  /** @returns whether somebody waits for that connection */
  bring(ticket: string, socket: Socket): boolean {
    const found = this.revoke(ticket);
    found?.take(socket);
    return found !== undefined;
  }

  /** Nobody waits for it any more. */
  revoke(ticket: string): Expected | undefined {
    const found = this.expected.get(ticket);
    this.expected.delete(ticket);
    clearTimeout(found?.timer);
    return found;
  }

  close(): void {
    for (const ticket of [...this.expected.keys()]) this.revoke(ticket);
  }
}
