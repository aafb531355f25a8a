import { BlockList, isIP } from 'node:net';
import { isPublicAddress } from '@fornax/base';

/** Where a message is to go: a host as a URL names it, without brackets, and a port. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** One entry of an operator's list: these addresses or this name, on these ports. */
interface Destination {
  readonly name: string | undefined;
  readonly network: BlockList | undefined;
  readonly from: number;
  readonly to: number;
}

/** Ports of other protocols, on which an HTTP request could be taken for something else (the list of the Fetch standard). */
const OTHER_PROTOCOLS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);
const HIGHEST_PORT = 65_535;
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
const ENTRY = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<from>\*|\d{1,5})(?:-(?<to>\d{1,5}))?$/;

/** Names are compared as DNS does: without regard to case or to the dot of the root. */
const plainName = (host: string): string => host.toLowerCase().replace(/\.$/, '');

/** This machine by name (RFC 6761), whatever a resolver would say. */
export const isLocalhost = (host: string): boolean => /(^|\.)localhost$/.test(plainName(host));

const networkOf = (host: string): BlockList | undefined => {
  const [address = '', prefix, ...more] = host.split('/');
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return undefined;
  const length = prefix === undefined ? longest : Number(prefix);
  if (length > longest) return undefined;
  const network = new BlockList();
  network.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  return network;
};

const portsOf = (from: string | undefined, to: string | undefined): { from: number; to: number } | undefined => {
  if (from === '*') return to === undefined ? { from: 1, to: HIGHEST_PORT } : undefined;
  const ports = { from: Number(from), to: Number(to ?? from) };
  return ports.from >= 1 && ports.from <= ports.to && ports.to <= HIGHEST_PORT ? ports : undefined;
};

const parseDestination = (text: string): Destination | undefined => {
  const { v6, host, from, to } = ENTRY.exec(text)?.groups ?? {};
  const ports = portsOf(from, to);
  const named = v6 ?? host;
  if (!ports || named === undefined) return undefined;
  const network = networkOf(named);
  if (network) return { ...ports, network, name: undefined };
  const name = plainName(named);
  // Something of digits and dots alone is an address with a slip in it, not a name.
  return v6 === undefined && NAME.test(name) && !/^[\d.]+$/.test(name)
    ? { ...ports, network: undefined, name }
    : undefined;
};

/** Which destinations a user may make the platform talk to: public ones, and those that the operator lists. */
export class Destinations {
  private constructor(private readonly allowed: readonly Destination[]) {}

  /**
   * @param text entries `host:ports`, separated by commas or white space; the host is a name, an address or a network (`10.1.0.0/16`), IPv6 in
   *   brackets; the ports are one (`443`), a range (`8000-8999`) or all (`*`)
   * @returns the entry that is wrong, if one is
   */
  static parse(text: string): Destinations | { readonly wrong: string } {
    const allowed: Destination[] = [];
    for (const entry of text.split(/[\s,]+/).filter((one) => one !== '')) {
      const destination = parseDestination(entry);
      if (!destination) return { wrong: entry };
      allowed.push(destination);
    }
    return new Destinations(allowed);
  }

  /** Whether the operator named this host itself: its addresses are then the operator's choice. */
  namesHost({ host, port }: Place): boolean {
    const name = plainName(host);
    return this.allowed.some((one) => one.name === name && port >= one.from && port <= one.to);
  }

  /** Whether a connection may be made there, by whatever name it was found. */
  allows(address: string, port: number): boolean {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    const isListed = this.allowed.some(
      ({ network, from, to }) => network?.check(address, family) === true && port >= from && port <= to,
    );
    return isListed || (isPublicAddress(address) && !OTHER_PROTOCOLS.has(port));
  }
}
