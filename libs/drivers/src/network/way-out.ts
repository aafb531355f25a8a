import { type ChildProcess, spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { networkInterfaces } from 'node:os';

import type { TcpBytes } from '../process/tcp-use.js';
import { type Cidr, NAME_SERVER, reachOf } from './reach.js';
import { findProgram } from '../process/find-program.js';

/** A stack in user space: none of its ports leads in, its gateway is not the host, and names are asked of it, whoever the host asks. */
const STACK_OPTIONS = [
  '--foreground',
  '--quiet',
  '--ipv4-only',
  ...['--ns-ifname', 'out'],
  ...['--address', '192.0.0.2'],
  ...['--gateway', NAME_SERVER],
  ...['--dns-forward', NAME_SERVER],
  '--no-map-gw',
  '--no-dhcp',
  '--no-dhcpv6',
  '--no-ndp',
  '--no-ra',
  ...['--tcp-ports', 'none'],
  ...['--udp-ports', 'none'],
  ...['--tcp-ns', 'none'],
  ...['--udp-ns', 'none'],
];
/** As root it would become a user who may not enter a namespace of root's; it drops its capabilities and sees no file either way. */
const STACK_AS_ROOT = ['--runas', '0', '--netns-only'];
const OPEN_MS = 20_000;
const COMPLAINT_CHARS = 1_000;
/** Where the first process keeps the namespace of the instance (`native/src/network.c`). */
const INNER = 9;

/** A network that an instance is to enter. */
export interface WayOut {
  readonly networkFile: string;
  /** The user namespace that it belongs to; undefined: the agent's. */
  readonly userFile: string | undefined;
  /** Bytes that the instance has moved so far. */
  measure(): Promise<TcpBytes>;
  close(): void;
}

/** What each instance finds as its /etc/resolv.conf. */
export const RESOLVER = `nameserver ${NAME_SERVER}\n`;

/** IPv4 addresses of this machine but loopback's. */
const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);

/** Received and sent bytes of a device, as /proc/net/dev has them. */
export const readDevice = (text: string, device: string): TcpBytes | undefined => {
  const line = text.split('\n').find((candidate) => candidate.trim().startsWith(`${device}:`));
  const numbers = line
    ?.slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
  const [receivedBytes, sentBytes] = [numbers?.[0], numbers?.[8]];
  return receivedBytes === undefined || sentBytes === undefined ? undefined : { receivedBytes, sentBytes };
};

const ready = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    let complaint = '';
    const deadline = setTimeout(() => child.kill('SIGKILL'), OPEN_MS);
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_CHARS)));
    child.stdout?.on('data', (chunk: Buffer) => {
      clearTimeout(deadline);
      resolve(Number(/^ready (\d+)$/m.exec(chunk.toString())?.[1]));
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      reject(
        new Error(
          `an instance gets no way to the network: ${complaint.replaceAll(/^Failed to send \d+ bytes to syslog\n?/gm, '').trim()}`,
        ),
      );
    });
  });

export interface WaysOutOptions {
  readonly init: string;
  /** The program of the stack, where it is not on PATH; need not be there yet. */
  readonly stack: string | undefined;
  readonly allowed: readonly Cidr[];
}

/** Lets instances out of their networks by pasta, which needs no privilege on the host. */
export class WaysOut {
  constructor(private readonly options: WaysOutOptions) {}

  /** The program of the stack. @throws Error there is none */
  async #stack(): Promise<string> {
    const found = await findProgram('pasta');
    if (found !== undefined) return found;
    const { stack = '' } = this.options;
    // Not the file that a link leads to: by its name the program knows what it is to be.
    if (
      await access(stack, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return stack;
    throw new Error('there is no pasta on PATH; install the package passt, or set FORNAX_NODE_NETWORK_STACK to it');
  }

  /**
   * Makes a network for one instance.
   * @param users a file of the user namespace that it is to belong to, `new`, or undefined for the agent's
   * @throws Error there is no stack, or the machine does not permit it
   */
  async open(users: string | undefined): Promise<WayOut> {
    const { init, allowed } = this.options;
    const stack = await this.#stack();
    const reach = reachOf(ownAddresses(), allowed);
    const args = [
      ...(users === undefined ? [] : ['--own-user', users]),
      ...reach.denied.flatMap((network) => ['--deny', network]),
      ...reach.allowed.flatMap((network) => ['--allow', network]),
      ...['--hold-network', stack, ...STACK_OPTIONS, ...(process.getuid?.() === 0 ? STACK_AS_ROOT : [])],
    ];
    // Its input ends with the agent, however that ends, and then so do the network and the stack.
    const child = spawn(init, args, { stdio: ['pipe', 'pipe', 'pipe'], env: {}, cwd: '/', detached: true });
    child.stdin.on('error', () => undefined);
    const keeper = await ready(child);
    child.stderr.resume();
    return {
      networkFile: `/proc/${keeper}/fd/${INNER}`,
      userFile: users === undefined ? undefined : `/proc/${keeper}/ns/user`,
      measure: async () => {
        const seen = readDevice(await readFile(`/proc/${keeper}/net/dev`, 'utf8').catch(() => ''), 'in');
        // What the router received, the instance sent.
        return { receivedBytes: seen?.sentBytes ?? 0, sentBytes: seen?.receivedBytes ?? 0 };
      },
      close: () => child.stdin.destroy(),
    };
  }
}
