import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { findFreePort, portState } from './free-port.js';

describe('findFreePort', () => {
  it('gives no port to two callers, although nobody listens on the first one yet', async () => {
    const ports = await Promise.all(Array.from({ length: 300 }, () => findFreePort()));
    expect(new Set(ports).size).toBe(300);
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
