import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { ConfigError } from '@fornax/base';

/** Who is at the other end: behind a proxy that is trusted, whoever the proxy says. */
export interface Peers {
  /** Whether an address is one of the trusted proxies. */
  isProxy(address: string): boolean;
  /** The address of whoever sent a request. What somebody else than a trusted proxy says of it counts for nothing. */
  of(request: IncomingMessage): string;
}

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

const add = (list: BlockList, text: string): void => {
  const [address = '', prefix] = text.split('/');
  const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  const isWrong = isIP(address) === 0 || (bits !== undefined && !(bits >= 0 && bits <= (isIPv6(address) ? 128 : 32)));
  if (isWrong) {
    throw new ConfigError([
      `FORNAX_TRUSTED_PROXIES: ${text} is no address, network (10.0.0.0/8), "loopback" or "private"`,
    ]);
  }
  if (bits === undefined) list.addAddress(address, familyOf(address));
  else list.addSubnet(address, bits, familyOf(address));
};

/** Maps an IPv4-mapped IPv6 address to the IPv4 address. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** @param text addresses, networks, `loopback` and `private`, separated by commas @throws ConfigError */
export const trustedProxies = (text: string): Peers => {
  const list = new BlockList();
  const entries = text.split(',').map((entry) => entry.trim());
  for (const entry of entries.filter((one) => one !== '')) for (const one of NAMED[entry] ?? [entry]) add(list, one);
  const isProxy = (address: string): boolean => {
    const bare = plain(address);
    return isIP(bare) !== 0 && list.check(bare, familyOf(bare));
  };
  const of = (request: IncomingMessage): string => {
    let peer = plain(request.socket.remoteAddress ?? '');
    const said = String(request.headers['x-forwarded-for'] ?? '').split(',');
    // From the right: each proxy appends whom it saw, and what stands further left is only as good as who passed it on.
    while (isProxy(peer)) {
      const before = plain(said.pop()?.trim() ?? '');
      if (isIP(before) === 0) break;
      peer = before;
    }
    return peer;
  };
  return { isProxy, of };
};

/** What one peer's share is counted under: an IPv6 host has a whole /64 to choose its address from. */
export const shareOf = (address: string): string => {
  const bare = plain(address);
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = (bare.split('%')[0] ?? '').split('::');
  const left = head.split(':').filter((part) => part !== '');
  const right = tail === undefined ? [] : tail.split(':').filter((part) => part !== '');
  const full =
    tail === undefined
      ? left
      : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${full
    .slice(0, 4)
    .map((part) => part.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
};
