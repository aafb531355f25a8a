import type { Socket } from 'node:net';

/**
 * Connections that have not said what they are for: so many of all, and of one address. Where there are too many, the oldest goes: whoever is what it should be has said so
 * at once, so a stranger who keeps silent holds up nobody, not even who has the same address.
 */
export class Lobby {
  private readonly of = new Map<string, Set<Socket>>();
  /** With their addresses, which a socket that is gone does not say any more. */
  private readonly waiting = new Map<Socket, string>();

  constructor(
    private readonly most: number,
    private readonly mostOfOne: number,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  /** @returns what is called when it has spoken, or is gone */
  enter(socket: Socket): () => void {
    const address = placeOf(socket.remoteAddress ?? '');
    const own = this.of.get(address) ?? new Set();
    const [oldest] = own.size >= this.mostOfOne ? own : this.waiting.size >= this.most ? this.waiting.keys() : [];
    if (oldest) {
      this.leave(oldest);
      oldest.destroy();
    }
    this.of.set(address, own.add(socket));
    this.waiting.set(socket, address);
    return () => this.leave(socket);
  }

  private leave(socket: Socket): void {
    const address = this.waiting.get(socket);
    if (address === undefined) return;
    this.waiting.delete(socket);
    const own = this.of.get(address);
    own?.delete(socket);
    if (own?.size === 0) this.of.delete(address);
  }
}

/** Whose it is: an IPv4 address, or the network of an IPv6 one, of which whoever has it has all. */
const placeOf = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const parts = head.split(':').filter((part) => part !== '');
  const missing = tail === undefined ? 0 : 8 - parts.length - tail.split(':').filter((part) => part !== '').length;
  return [...parts, ...Array<string>(missing).fill('0')].slice(0, 4).join(':');
};
