import { BlockList, isIP } from 'node:net';

/** Networks that no stranger may make us talk to (RFC 6890 and its registry): this host, private, shared, link-local, multicast, reserved. */
const V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
/**
 * Of IPv6 only global unicast is public, without protocol assignments (Teredo among them), documentation and 6to4: Teredo and 6to4 lead to
 * IPv4 addresses of any kind. What maps IPv4 into IPv6, as NAT64 does, lies outside of global unicast.
 */
const PUBLIC_V6: readonly (readonly [string, number])[] = [['2000::', 3]];
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const listOf = (networks: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family);
  return list;
};
const privateV4 = listOf(V4, 'ipv4');
const publicV6 = listOf(PUBLIC_V6, 'ipv6');
const notPublicV6 = listOf(NOT_PUBLIC_V6, 'ipv6');

/** May a request go to this IP address although whoever asked for it is not trusted? IPv4 inside IPv6 is none of the public ones. */
export const isPublicAddress = (address: string): boolean => {
  const family = isIP(address);
  if (family === 4) return !privateV4.check(address, 'ipv4');
  if (family === 6) return publicV6.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6');
  return false;
};
