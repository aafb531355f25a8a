import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { findFreePort, portState } from './free-port.js';

describe('findFreePort', () => {
  it('gives no port to two callers, although nobody listens on the first one yet', async () => {
    const ports = await Promise.all(Array.from({ length: 300 }, () => findFreePort()));
    expect(new Set(ports).size).toBe(300);
  });

  it('gives no port to two programs that know nothing of each other', async () => {
    // A module of its own remembers nothing of ours, as in another process. Chosen blindly, 400 and 400 of 14,000 ports meet 11 times.
    jest.resetModules();
    const other = await import('./free-port.js');
    expect(other.findFreePort).not.toBe(findFreePort);
    const many = (find: () => Promise<number>) => Promise.all(Array.from({ length: 400 }, () => find()));
    const ours = await many(findFreePort);
    const theirs = await many(other.findFreePort);
    expect(new Set([...ours, ...theirs]).size).toBe(800);
  });

  it('knows a port that somebody listens on', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await portState(port)).toBe('in-use');
    server.close();
    await once(server, 'close');
    expect(await portState(port)).toBe('free');
  });
});
