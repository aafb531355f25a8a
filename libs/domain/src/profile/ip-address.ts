const PART = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const BITS = /^(?:0|[1-9]\d{0,2})$/;
const GROUPS = 8;

const isIpv4 = (text: string): boolean => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => PART.test(part) && Number(part) <= 255);
};

const groupsOf = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));

const isIpv6 = (text: string): boolean => {
  const [before = '', after, ...more] = text.split('::');
  const groups = [...groupsOf(before), ...groupsOf(after ?? '')];
  if (more.length > 0 || !groups.every((group) => GROUP.test(group))) return false;
  return after === undefined ? groups.length === GROUPS : groups.length < GROUPS;
};

/** Says whether a text is an IPv4 or IPv6 address, or a network of them (`10.0.0.0/8`), as sockets know them (RFC 4291, section 2.2, without an IPv4 tail). */
export const isAddressOrNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/');
  const most = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1;
  return more.length === 0 && most > 0 && (bits === undefined || (BITS.test(bits) && Number(bits) <= most));
};
