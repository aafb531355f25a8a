import { BlockList, isIP } from 'node:net';

import { isPublicAddress } from '@fornax/base';

/** How near an address is. Nobody may be sent on to what is `elsewhere`: this host by another name, neighbors on the link, services of a cloud, all that is for many. */
type Reach = 'public' | 'private' | 'loopback' | 'elsewhere';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** RFC 1918 and unique local addresses. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8, 'ipv4');
PRIVATE.addSubnet('172.16.0.0', 12, 'ipv4');
PRIVATE.addSubnet('192.168.0.0', 16, 'ipv4');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** Where clouds tell a machine who it is, in the middle of private or public networks: AWS, Oracle, Google, Azure. */
const OF_CLOUDS = new BlockList();
OF_CLOUDS.addSubnet('fd00:ec2::', 32, 'ipv6');
OF_CLOUDS.addSubnet('fd00:c1::', 32, 'ipv6');
OF_CLOUDS.addSubnet('fd20:ce::', 32, 'ipv6');
OF_CLOUDS.addAddress('168.63.129.16', 'ipv4');

/** The eight numbers of an IPv6 address. */
const groupsOf = (address: string): readonly number[] => {
  // As URLs write it: without an IPv4 address at its end.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
};

/** Where IPv4 addresses are in IPv6 ones: mapped, NAT64 (RFC 6052) and 6to4. */
const HOLDERS: readonly { readonly prefix: readonly number[]; readonly at: number }[] = [
  { prefix: [0, 0, 0, 0, 0, 0xffff], at: 6 },
  { prefix: [0x64, 0xff9b, 0, 0, 0, 0], at: 6 },
  { prefix: [0x2002], at: 1 },
];

/** @returns the IPv4 address that an IPv6 one leads to, where it holds one */
const heldIn = (address: string): string | undefined => {
  const groups = groupsOf(address);
  const holder = HOLDERS.find(({ prefix }) => prefix.every((group, at) => groups[at] === group));
  if (!holder) return undefined;
  const [high = 0, low = 0] = groups.slice(holder.at);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
};

export const reachOf = (address: string): Reach => {
  const version = isIP(address);
  // One with a zone is of a link.
  if (version === 0 || address.includes('%')) return 'elsewhere';
  const held = version === 6 ? heldIn(address) : undefined;
  if (held !== undefined) return reachOf(held);
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (OF_CLOUDS.check(address, family)) return 'elsewhere';
  if (LOOPBACK.check(address, family)) return 'loopback';
  if (PRIVATE.check(address, family)) return 'private';
  return isPublicAddress(address) ? 'public' : 'elsewhere';
};

/**
 * Whether what is at addresses that are not trusted may send on to an address.
 * @param from those of who sends on. One that is here by one of several names alone is not here.
 */
export const mayLead = (from: readonly string[], to: string): boolean => {
  const near = from.map(reachOf);
  const reach = reachOf(to);
  if (reach === 'loopback') return near.length > 0 && near.every((each) => each === 'loopback');
  return reach === 'public' || (reach === 'private' && near.includes('private'));
};
