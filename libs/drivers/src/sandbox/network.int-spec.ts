import { Resolver } from 'node:dns/promises';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

import { pastaIn, provisionPasta } from '@fornax/embedded';
import { toolsDir } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';

import type { InstanceSpec } from '../driver/driver.js';
import { DENIED_NETWORKS } from '../network/reach.js';
import { findProgram } from '../process/find-program.js';
import { type OpenDriver, openDriver, openLevels, testsOf } from './driver.fixture.js';

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

/** Asks its name server for a name, and prints whether something was answered. */
const ASK = `
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(('192.0.0.8', 53))
s.send(bytes.fromhex('0f0f01000001000000000000') + b'\\x07example\\x03com\\x00' + bytes.fromhex('00010001'))
try: print('answered' if s.recv(4096)[:2] == b'\\x0f\\x0f' else 'something else')
except TimeoutError: print('silence')
`;
/** Whether this machine has somebody who answers such questions. */
const isAnswered = await new Resolver({ timeout: 2_000, tries: 2 }).resolve4('example.com').then(
  () => true,
  ({ code }: NodeJS.ErrnoException) => code !== 'ETIMEOUT' && code !== 'ECONNREFUSED',
);

/** Prints how each of forty addresses is refused; a connection that nobody answers would be ETIMEDOUT, or end this by its own limit. */
const REFUSED = `
import errno, socket
for last in range(1, 41):
    s = socket.socket()
    s.settimeout(20)
    try: s.connect(('10.0.0.%d' % last, 80))
    except TimeoutError: print('nobody answers')
    except OSError as error: print(errno.errorcode[error.errno])
`;

/** One of its addresses. */
const addressIn = (network: string): string => network.replace(/\d+\/\d+$/, '9');

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

const LEVELS = await openLevels(['bubblewrap', 'unshare']);
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

describe.each(LEVELS)('the network of an instance at level %s', (_, given) => {
  const here = testsOf(given);

  here('has nothing but loopback, which is its own', async (opened) => {
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

  here(
    'reaches neither the loopback of the machine, nor its addresses, nor what tells machines in a cloud who they are',
    async (opened) => {
      const hosts = ['127.0.0.1', '::1', ...ownAddresses()];
      const wanted = [...hosts.map((host) => `${host}@${port}`), '169.254.169.254@80'];
      const { out } = await opened.run(['python3', '-c', REACH, ...wanted]);
      expect(out.trim().split('\n')).toEqual(wanted.map((word) => `not ${word.split('@')[0]}`));
    },
  );
});

const [ownAddress, ...otherAddresses] = ownAddresses().filter((address) => !address.includes(':'));
const noPasta = await provisionPasta(toolsDir(), { env: process.env, onProgress: () => undefined });
if (noPasta !== undefined) process.stderr.write(`no pasta: ${noPasta}\n`);
const outgoing = await openLevels(['bubblewrap', 'unshare'], { networkStack: pastaIn(toolsDir()) });
afterAll(() => Promise.all(outgoing.map(([, opened]) => opened?.close())));

/** Why nothing of a way out can be tested here; undefined: it can. */
const problemOf = (opened: OpenDriver | undefined): string | undefined =>
  opened === undefined
    ? 'there is no such level'
    : ownAddress === undefined
      ? 'this machine has no address but loopback'
      : opened.facts.warnings.find((warning) => warning.includes('access to the network'));

describe.each(outgoing)('a way out at level %s', (level, given) => {
  const problem = problemOf(given);
  if (problem !== undefined) process.stderr.write(`a way out at level ${level} is not tested here: ${problem}\n`);
  const own = ownAddress ?? '';
  const here = testsOf(problem === undefined ? given : undefined);
  const out: Partial<InstanceSpec> = { network: 'outgoing' };

  here(
    'leads to no address of the machine, its neighborhood or its cloud, also from a socket that is bound to the device',
    async ({ run }) => {
      const wanted = [
        ...['127.0.0.1', own, ...otherAddresses, '192.0.0.1'].map((host) => `${host}@${port}`),
        ...DENIED_NETWORKS.map((network) => `${addressIn(network)}@80`),
        '169.254.169.254@80',
      ];
      for (const bound of ['', BOUND]) {
        const { out: said, err } = await run(['python3', '-c', bound + REACH, ...wanted], {}, out);
        expect({ said: said.trim().split('\n'), err }).toEqual({
          said: wanted.map((word) => `not ${word.split('@')[0]}`),
          err: '',
        });
      }
    },
    60_000,
  );

  here(
    'leads at the address of the name server to names alone, also from a socket that is bound to the device',
    async ({ run }) => {
      const others = [1, 52, 54, 80, 443, port].map((each) => `192.0.0.8@${each}`);
      for (const bound of ['', BOUND]) {
        const { out: said, err } = await run(['python3', '-c', bound + REACH + ASK, ...others], {}, out);
        expect({ said, err }).toEqual({
          said: `${'not 192.0.0.8\n'.repeat(others.length)}${isAnswered ? 'answered' : 'silence'}\n`,
          err: '',
        });
      }
    },
    60_000,
  );

  here(
    'says at once of each of many addresses that it does not lead there',
    async ({ run }) => {
      const { out: said, err } = await run(['python3', '-c', REFUSED], {}, out);
      expect({ said, err }).toEqual({ said: 'EHOSTUNREACH\n'.repeat(40), err: '' });
    },
    60_000,
  );

  here(
    'is there after somebody has replaced the file that says which name servers the machine asks',
    async () => {
      const folder = await mkdtemp('/var/tmp/fornax-resolver-');
      const file = join(folder, 'resolv.conf');
      await chmod(folder, 0o755);
      await writeFile(file, 'nameserver 192.0.2.53\n', { mode: 0o644 });
      const open = await openDriver(level, { ready: 0, resolver: file, networkStack: pastaIn(toolsDir()) });
      try {
        await writeFile(`${file}.new`, 'nameserver 192.0.2.54\n', { mode: 0o644 });
        await rename(`${file}.new`, file);
        const seen = await open?.run(['cat', file], {}, { network: 'outgoing' });
        expect(seen).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^nameserver (?!192\.0\.2\.)/m) });
      } finally {
        await open?.close();
        await rm(folder, { recursive: true });
      }
    },
    60_000,
  );

  here(
    'is there or not, as the driver says beforehand',
    async ({ facts }) => {
      expect(facts.wayOut).toBe(true);
      const without = await openDriver(level, { networkStack: '/nowhere/pasta' });
      const warned = without?.facts.warnings.some((warning) => warning.includes('there is no pasta on PATH'));
      await without?.close();
      // A pasta of the machine's own is found without the setting.
      expect([without?.facts.wayOut, warned]).toEqual(
        (await findProgram('pasta')) === undefined ? [false, true] : [true, false],
      );
    },
    60_000,
  );

  here(
    'leads to what an operator allows, and not a step further',
    async () => {
      const open = await openDriver(level, { allowedNetworks: [`${own}/32`], networkStack: pastaIn(toolsDir()) });
      const { out: said } = await (open as OpenDriver).run(
        ['python3', '-c', REACH, `${own}@${port}`, `127.0.0.1@${port}`],
        {},
        out,
      );
      await open?.close();
      expect(said).toBe(`reached ${own}\nnot 127.0.0.1\n`);
    },
    60_000,
  );

  here(
    'has a name server of its own, and routes that no command changes',
    async ({ run }) => {
      const script =
        'cat /etc/resolv.conf; ip route del default 2>/dev/null || echo refused; ip route add 10.0.0.0/8 dev eth0 2>/dev/null || echo refused';
      expect((await run(['/bin/sh', '-c', script], {}, out)).out).toBe('nameserver 192.0.0.8\nrefused\nrefused\n');
    },
    60_000,
  );
});
