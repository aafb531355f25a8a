/** An IPv4 network, as in `10.0.0.0/8`. */
export type Cidr = string;

/**
 * What an instance with a way out may not reach unless an operator allows it: this machine and its neighborhood, and what is no address of one host.
 * IANA's registry of special-purpose addresses (RFC 6890) says what each is for.
 */
export const DENIED_NETWORKS: readonly Cidr[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Addresses of an instance, its router and its name server are in here (`native/src/network.c`). */
const OWN_NETWORK = '192.0.0.0/24';
export const NAME_SERVER = '192.0.0.8';

interface Network {
  readonly first: number;
  readonly bits: number;
}

const sizeOf = (bits: number): number => 2 ** (32 - bits);

/** @returns undefined for what is no network in IPv4, or has bits beyond its length */
const parse = (text: Cidr): Network | undefined => {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!found) return undefined;
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = found.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || bits > 32) return undefined;
  const first = ((a * 256 + b) * 256 + c) * 256 + d;
  return first % sizeOf(bits) === 0 ? { first, bits } : undefined;
};

const isWithin = (inner: Network, outer: Network): boolean =>
  inner.bits >= outer.bits && inner.first >= outer.first && inner.first < outer.first + sizeOf(outer.bits);

/** Why an operator cannot allow this network; undefined: it can. */
export const allowProblem = (text: string): string | undefined => {
  const network = parse(text);
  if (!network) return `${text} is not an IPv4 network such as 10.1.0.0/16 or 10.1.2.3/32`;
  const unreachable = ['0.0.0.0/8', '127.0.0.0/8', OWN_NETWORK, '224.0.0.0/4'].find((outer) => {
    const other = parse(outer);
    return other !== undefined && isWithin(network, other);
  });
  return unreachable === undefined ? undefined : `${text} cannot be reached from another network than its own`;
};

/**
 * Says which networks a router refuses and which it lets through; the longest that holds an address decides.
 * @param own addresses of this machine, denied each unless exactly it is allowed
 * @param allowed by an operator; each opens all denied networks within it
 */
export const reachOf = (
  own: readonly string[],
  allowed: readonly Cidr[],
): { readonly denied: readonly Cidr[]; readonly allowed: readonly Cidr[] } => {
  const open = allowed.flatMap((text) => parse(text) ?? []);
  const isOpen = (text: Cidr): boolean => {
    const network = parse(text);
    return network !== undefined && text !== OWN_NETWORK && open.some((outer) => isWithin(network, outer));
  };
  const denied = new Set([
    ...DENIED_NETWORKS.filter((text) => !isOpen(text)),
    ...own.map((address) => `${address}/32`),
  ]);
  for (const text of allowed) denied.delete(text);
  return { denied: [...denied], allowed: [...new Set(allowed)].filter((text) => text !== '0.0.0.0/0') };
};
