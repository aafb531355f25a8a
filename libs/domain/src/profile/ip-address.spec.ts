import { BlockList, isIP, isIPv6 } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isAddressOrNetwork } from './ip-address.js';

/** What a list of sockets takes. */
const isTaken = (text: string): boolean => {
  const [address = '', bits] = text.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  try {
    if (bits === undefined) new BlockList().addAddress(address, family);
    else new BlockList().addSubnet(address, Number(bits), family);
    return true;
  } catch {
    return false;
  }
};

describe('an address', () => {
  it.each(['0.0.0.0', '198.51.100.7', '10.0.0.0/8', '::', '::1', '1::', '2001:db8::/32', '1:2:3:4:5:6:7::', '::/0'])(
    'is %s',
    (text) => expect([isAddressOrNetwork(text), isTaken(text)]).toEqual([true, true]),
  );
  it.each([
    ...['', '/', '1:2', '::::', '1::2::3', ':::', ':1', '1:', '1:2:3:4:5:6:7:8::', '12345::', 'g::'],
    ...[
      '01.2.3.4',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '1.2.3.4/33',
      '1.2.3.4/',
      '1.2.3.4/08',
      '::/129',
      '::1%eth0',
      '1.2.3.4/8/8',
    ],
  ])('is not %p', (text) => expect(isAddressOrNetwork(text)).toBe(false));
  it('is what sockets take, whatever it is made of', () => {
    const pieces = fc.array(
      fc.constantFrom('0', '1', '12', '255', '256', 'ff', '10000', '.', ':', '::', '/', '8', '01'),
      { maxLength: 18 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          pieces.map((all) => all.join('')),
          fc.ipV4(),
          fc.ipV6().filter((text) => !text.includes('.')),
        ),
        (text) => {
          if (isAddressOrNetwork(text)) expect([text, isTaken(text)]).toEqual([text, true]);
          else if (!text.includes('.') || !text.includes(':')) expect([text, isIP(text)]).toEqual([text, 0]);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
