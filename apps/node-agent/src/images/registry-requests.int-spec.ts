import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { RegistryRequests } from './registry-requests.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server that tells which credentials it was told, and sends on once where it is told to. */
const serve = async (to?: string) => {
  const told: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    told.push(headers.authorization);
    if (to === undefined) response.end('here');
    else response.writeHead(307, { location: to }).end();
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, told };
};
const request = (authorization?: string) =>
  ({ method: 'GET', accept: '*/*', authorization, follows: true, signal: AbortSignal.timeout(10_000) }) as const;

describe('requests to a registry', () => {
  it('tell credentials to the host that is asked, and to none that it sends on to', async () => {
    const other = await serve();
    const same = await serve(`http://127.0.0.1:${other.port}/blob`);
    const origin = `http://127.0.0.1:${same.port}`;
    const answer = await new RegistryRequests(origin).send(new URL(`${origin}/v2/`), request('Basic secret'));
    expect([await answer.text(), same.told, other.told]).toEqual(['here', ['Basic secret'], [undefined]]);
  });

  it('go to the address that was looked at, whatever its name leads to a moment later', async () => {
    const inside = await serve();
    const found = [['93.184.216.34'], ['93.184.216.34', '127.0.0.1']];
    const asked: string[] = [];
    const resolve = (host: string) => {
      asked.push(host);
      const addresses = host === 'registry.example.org' ? ['93.184.216.34'] : (found.shift() ?? ['127.0.0.1']);
      return Promise.resolve(addresses.map((address) => ({ address, family: 4 })));
    };
    const requests = new RegistryRequests('https://registry.example.org', [], resolve);
    // The first look finds a public address, which is what is connected to: it is not asked for again.
    const short = { ...request(), signal: AbortSignal.timeout(500) };
    await expect(requests.send(new URL(`http://tokens.example.org:${inside.port}/`), short)).rejects.toThrow();
    expect(asked.filter((host) => host === 'tokens.example.org')).toHaveLength(1);
    // One of several addresses is enough to be refused.
    for (let look = 0; look < 2; look += 1)
      await expect(requests.send(new URL(`http://tokens.example.org:${inside.port}/`), request())).rejects.toThrow(
        /no public address/,
      );
    expect(inside.told).toEqual([]);
  });

  it.each(['0.0.0.0', '[::]', '127.0.0.1', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]'])(
    'of a private network go to none of the node itself: %s',
    async (host) => {
      const inside = await serve();
      const near = new RegistryRequests('http://10.0.0.5:1');
      await expect(near.send(new URL(`http://${host}:${inside.port}/`), request())).rejects.toThrow(
        /no public address/,
      );
      expect(inside.told).toEqual([]);
    },
  );

  it('go to hosts that are as near as the registry, or that the operator names', async () => {
    const inside = await serve();
    const to = new URL(`http://127.0.0.1:${inside.port}/`);
    const resolve = () => Promise.resolve([{ address: '93.184.216.34', family: 4 }]);
    const far = new RegistryRequests('http://registry.example.org', [], resolve);
    await expect(far.send(to, request())).rejects.toThrow(/no public address/);
    const named = new RegistryRequests('http://registry.example.org', [to.origin], resolve);
    expect(await (await named.send(to, request())).text()).toBe('here');
    const near = new RegistryRequests('http://127.0.0.1:1', []);
    expect(await (await near.send(to, request())).text()).toBe('here');
  });
});
