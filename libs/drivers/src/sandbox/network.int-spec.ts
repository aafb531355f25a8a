import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';

import { pastaIn, provisionPasta } from '@fornax/embedded';
import { toolsDir } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { type OpenDriver, openDriver } from './driver.fixture.js';

/** Prints for each address:port whether a connection opens within two seconds. */
const REACH = `
import concurrent.futures, socket, sys
def look(word):
    host, port = word.rsplit('@', 1)
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    s.settimeout(2)
    try:
        s.connect((host, int(port)))
        return 'reached ' + host
    except OSError: return 'not ' + host
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    for line in pool.map(look, sys.argv[1:]): print(line)
`;

/** Makes each socket of REACH one that passes over the routes of its own namespace. */
const BOUND = `
import socket
class Bound(socket.socket):
    def __init__(self, *args):
        super().__init__(*args)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
socket.socket = Bound
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

describe.each(['bubblewrap', 'unshare'] as const)('a way out at level %s', (level) => {
  const [own = '', ...others] = ownAddresses().filter((address) => !address.includes(':'));
  const opened: OpenDriver[] = [];
  const openOutgoing = async (allowedNetworks: readonly string[]): Promise<OpenDriver['run'] | undefined> => {
    const driver = await openDriver(level, { allowedNetworks, networkStack: pastaIn(toolsDir()) });
    if (!driver) return undefined;
    opened.push(driver);
    const problem =
      own === ''
        ? 'this machine has no address but loopback'
        : driver.facts.warnings.find((warning) => warning.includes('access to the network'));
    if (problem === undefined) return (argv, env) => driver.run(argv, env, { network: 'outgoing' });
    process.stderr.write(`a way out at level ${level} is not tested here: ${problem}\n`);
    return undefined;
  };
  beforeAll(async () => {
    const reason = await provisionPasta(toolsDir(), { env: process.env, onProgress: () => undefined });
    if (reason !== undefined) process.stderr.write(`no pasta: ${reason}\n`);
  }, 120_000);
  afterAll(() => Promise.all(opened.map((driver) => driver.close())));

  it('leads to no address of the machine, its neighborhood or its cloud, also from a socket that is bound to the device', async () => {
    const run = await openOutgoing([]);
    if (!run) return;
    const wanted = [
      ...['127.0.0.1', own, ...others, '192.0.0.1'].map((host) => `${host}@${port}`),
      ...[
        '169.254.169.254@80',
        '10.255.255.254@80',
        '172.16.0.1@80',
        '192.168.0.1@80',
        '100.64.0.1@80',
        '224.0.0.251@80',
      ],
    ];
    for (const bound of ['', BOUND]) {
      const { out, err } = await run(['python3', '-c', bound + REACH, ...wanted]);
      expect({ out: out.trim().split('\n'), err }).toEqual({
        out: wanted.map((word) => `not ${word.split('@')[0]}`),
        err: '',
      });
    }
  }, 60_000);

  it('leads to what an operator allows, and not a step further', async () => {
    const run = await openOutgoing([`${own}/32`]);
    if (!run) return;
    const { out } = await run(['python3', '-c', REACH, `${own}@${port}`, `127.0.0.1@${port}`]);
    expect(out).toBe(`reached ${own}\nnot 127.0.0.1\n`);
  }, 60_000);

  it('has a name server of its own, and routes that no command changes', async () => {
    const run = await openOutgoing([]);
    if (!run) return;
    const script =
      'cat /etc/resolv.conf; ip route del default 2>/dev/null || echo refused; ip route add 10.0.0.0/8 dev eth0 2>/dev/null || echo refused';
    expect((await run(['/bin/sh', '-c', script])).out).toBe('nameserver 192.0.0.8\nrefused\nrefused\n');
  }, 60_000);
});
