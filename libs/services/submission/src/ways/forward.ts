import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { WaysConfig } from '@fornax/profiles';

/** Whom a forward is open to; undefined: whoever reaches it. */
const listOf = (allowed: readonly string[]): BlockList | undefined => {
  if (allowed.length === 0) return undefined;
  const list = new BlockList();
  for (const one of allowed) {
    const [address = '', bits] = one.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
};

const isIn = (list: BlockList, { remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): boolean => {
  const plain = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
};

const listening = (server: Server, host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const failed = (): void => resolve(false);
    server.once('error', failed);
    server.listen(port, host, () => {
      server.off('error', failed);
      resolve(true);
    });
  });

/** One port of an instance as it is reached from outside. */
export class Forward {
  private constructor(
    private readonly server: Server,
    readonly publicPort: number,
  ) {}

  /**
   * @param come called with each connection of somebody who may
   * @param refused called with how many others came
   * @returns undefined: no port is free
   */
  static async open(
    { host, ports }: Pick<WaysConfig, 'host' | 'ports'>,
    allowed: readonly string[],
    come: (client: Socket) => void,
    refused: () => void,
  ): Promise<Forward | undefined> {
    const list = listOf(allowed);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
      client.on('error', () => client.destroy());
      if (list === undefined || isIn(list, client)) return come(client);
      client.destroy();
      refused();
    });
    const count = ports.last - ports.first + 1;
    const from = Math.floor(Math.random() * count);
    for (let tried = 0; tried < count; tried += 1) {
      const port = ports.first + ((from + tried) % count);
      if (!(await listening(server, host, port))) continue;
      server.on('error', () => undefined);
      const address = server.address();
      return new Forward(server, typeof address === 'object' ? (address?.port ?? port) : port);
    }
    return undefined;
  }

  close(): void {
    this.server.close();
  }
}
