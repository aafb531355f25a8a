import type { Socket } from 'node:net';

/** Counts connections that have not said what they are for: so many of one address, so that one stranger leaves room for all others; the oldest one goes where there are too many. */
export class Lobby {
  private readonly of = new Map<string, number>();
  private readonly waiting = new Set<Socket>();

  constructor(
    private readonly most: number,
    private readonly mostOfOne: number,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  /** @returns what is called when it has spoken, or is gone; undefined: its address has too many */
  enter(socket: Socket): (() => void) | undefined {
    const address = placeOf(socket.remoteAddress ?? '');
    const own = this.of.get(address) ?? 0;
    if (own >= this.mostOfOne) return undefined;
    const [oldest] = this.waiting;
    if (this.waiting.size >= this.most) oldest?.destroy();
    this.of.set(address, own + 1);
    this.waiting.add(socket);
    return () => {
      if (!this.waiting.delete(socket)) return;
      const left = (this.of.get(address) ?? 1) - 1;
      if (left > 0) this.of.set(address, left);
      else this.of.delete(address);
    };
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
