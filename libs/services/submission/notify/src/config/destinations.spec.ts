import { describe, expect, it } from '@jest/globals';
import { Destinations } from './destinations.js';

const listed = (text: string): Destinations => {
  const destinations = Destinations.parse(text);
  if ('wrong' in destinations) throw new Error(destinations.wrong);
  return destinations;
};

describe('the destinations that users may choose', () => {
  it('are public addresses, but not the ports of other protocols', () => {
    const none = listed('');
    expect(none.allows('93.184.216.34', 8_443)).toBe(true);
    expect(none.allows('2606:4700:4700::1111', 443)).toBe(true);
    for (const port of [22, 25, 6667]) expect(none.allows('93.184.216.34', port)).toBe(false);
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', 'fd00:ec2::254'])
      expect(none.allows(address, 443)).toBe(false);
  });

  it('are those of the operator too, on the ports that were listed', () => {
    const some = listed('127.0.0.1:8081, 10.1.0.0/16:8000-8999\n[fd00::/8]:443 hooks.lab:25 [::1]:*');
    expect(some.allows('127.0.0.1', 8_081)).toBe(true);
    expect(some.allows('127.0.0.1', 8_082)).toBe(false);
    expect(some.allows('127.0.0.2', 8_081)).toBe(false);
    expect(some.allows('10.1.255.1', 8_999)).toBe(true);
    expect(some.allows('10.2.0.1', 8_999)).toBe(false);
    expect(some.allows('10.1.0.1', 9_000)).toBe(false);
    expect(some.allows('fd12::1', 443)).toBe(true);
    expect(some.allows('::1', 65_535)).toBe(true);
  });

  it('are known by a name that the operator listed, and by no other', () => {
    const some = listed('hooks.Lab.:443');
    expect(some.namesHost({ host: 'HOOKS.lab', port: 443 })).toBe(true);
    expect(some.namesHost({ host: 'hooks.lab.', port: 443 })).toBe(true);
    expect(some.namesHost({ host: 'hooks.lab', port: 80 })).toBe(false);
    expect(some.namesHost({ host: 'a.hooks.lab', port: 443 })).toBe(false);
  });

  it('name an IPv4 address by itself, not as one inside IPv6', () => {
    const some = listed('10.0.0.0/8:443 0.0.0.0/0:80');
    expect(some.allows('::ffff:8.8.8.8', 443)).toBe(false);
    expect(some.allows('64:ff9b::a00:1', 443)).toBe(false);
  });

  it.each([
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.1:9-8',
    '127.0.0.1:*-9',
    '127.0.0.1/33:80',
    '127.0.0.1/8/8:80',
    '127.0.0:80',
    '127.0.0.1:http',
    '[hooks.lab]:80',
    '::1:80',
    '[::1/129]:80',
    'http://hooks.lab:80',
    '*:80',
    'a b:80',
  ])('cannot be given as %s', (text) => {
    expect(Destinations.parse(text)).toMatchObject({ wrong: expect.any(String) });
  });
});
