import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { type OpenDriver, openDriver } from './driver.fixture.js';

/** Prints for each address:port whether a connection opens within two seconds. */
const REACH = `
import socket, sys
for word in sys.argv[1:]:
    host, port = word.rsplit('@', 1)
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    s.settimeout(2)
    try:
        s.connect((host, int(port)))
        print('reached', host)
    except OSError: print('not', host)
`;

/** Addresses of this machine but loopback's. */
const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid)
    .map(({ address }) => address);

let server: Server;
let port = 0;
beforeAll(async () => {
  server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => {
    server.listen(0, '::', resolve);
  });
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

describe.each(['bubblewrap', 'unshare'] as const)('the network of an instance at level %s', (level) => {
  let opened: OpenDriver | undefined;
  beforeAll(async () => {
    opened = await openDriver(level);
  });
  afterAll(() => opened?.close());

  it('has nothing but loopback, which is its own', async () => {
    if (!opened) return;
    const { out } = await opened.run([
      '/bin/sh',
      '-c',
      'cut -d: -f1 /proc/net/dev | tail -n +3; cat /proc/net/route | wc -l',
    ]);
    expect(out.split('\n').map((line) => line.trim())).toEqual(['lo', '1', '']);
    const own = `import socket
s = socket.create_server(('127.0.0.1', 0))
socket.create_connection(s.getsockname())
print('own')`;
    expect((await opened.run(['python3', '-c', own])).out).toBe('own\n');
  });

  it('reaches neither the loopback of the machine, nor its addresses, nor what tells machines in a cloud who they are', async () => {
    if (!opened) return;
    const hosts = ['127.0.0.1', '::1', ...ownAddresses()];
    const wanted = [...hosts.map((host) => `${host}@${port}`), '169.254.169.254@80'];
    const { out } = await opened.run(['python3', '-c', REACH, ...wanted]);
    expect(out.trim().split('\n')).toEqual(wanted.map((word) => `not ${word.split('@')[0]}`));
  });
});
