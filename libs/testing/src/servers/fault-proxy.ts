import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** A relay of TCP connections to one server, which can lose what the server says. */
export interface FaultProxy {
  readonly port: number;
  /** From now on nothing that the server says reaches a client; what clients say still reaches the server. New connections are like the others. */
  mute(): void;
  /** What was held back is lost with its connections, which are cut; new ones are relayed both ways again. */
  heal(): void;
  /** Cuts all connections, and takes no new ones until `heal`. */
  cut(): void;
  close(): Promise<void>;
}

/** @param target port of the server on this machine */
export const startFaultProxy = async (target: number): Promise<FaultProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isMute = false;
  let isCut = false;
  const cutAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (!isMute) client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    mute: () => {
      isMute = true;
    },
    heal: () => {
      const wasFaulty = isMute || isCut;
      isMute = false;
      isCut = false;
      if (wasFaulty) cutAll();
    },
    cut: () => {
      isCut = true;
      cutAll();
    },
    close: async () => {
      cutAll();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
};
