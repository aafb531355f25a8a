import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** A relay of TCP connections to one server, which can lose what the server says. */
export interface FaultProxy {
  readonly port: number;
  /** From now on nothing that the server says reaches a client; what clients say still reaches the server. New connections are like the others. */
  mute(): void;
  /** What was held back is lost with its connections, which are cut; new ones are relayed both ways again. */
  heal(): void;
  /** From now on nothing passes, either way, and nothing is closed: what was there and what is opened stays open and dead, as behind a network that is gone. */
  swallow(): void;
  /** How many dead connections clients hold open. */
  swallowed(): number;
  /** New connections are relayed again; those that are dead stay so until a client closes them. */
  comeBack(): void;
  /** Cuts all connections, and takes no new ones until `heal`. */
  cut(): void;
  close(): Promise<void>;
}

/** @param target port of the server on this machine */
export const startFaultProxy = async (target: number): Promise<FaultProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isMute = false;
  let isCut = false;
  let isSwallowing = false;
  const dead = new Set<Socket>();
  const cutAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    if (isSwallowing) dead.add(client);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        // A network that is gone does not tell a client that the server has closed, either.
        if (socket === upstream && dead.has(client)) return;
        pairs.delete(pair);
        dead.delete(client);
        for (const other of pair) other.destroy();
      });
    }
    client.on('data', (data) => {
      if (!dead.has(client)) upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (!isMute && !dead.has(client)) client.write(data);
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
    swallow: () => {
      isSwallowing = true;
      for (const [client] of pairs) dead.add(client);
    },
    swallowed: () => dead.size,
    comeBack: () => {
      isSwallowing = false;
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
