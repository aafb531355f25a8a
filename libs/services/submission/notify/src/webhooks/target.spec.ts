import { describe, expect, it } from '@jest/globals';
import { Destinations } from '../config/destinations.js';
import { findTarget, isRefusedByName, pinned, placeOf, Refused, type Resolve } from './target.js';

const listed = (text: string): Destinations => {
  const destinations = Destinations.parse(text);
  if ('wrong' in destinations) throw new Error(destinations.wrong);
  return destinations;
};
const none = listed('');
const place = { host: 'hooks.example', port: 443 };
const resolvesTo =
  (...addresses: readonly string[]): Resolve =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

describe('the target of a message', () => {
  it('is what a name was resolved to, once, whatever it says later', async () => {
    const answers = [['93.184.216.34'], ['127.0.0.1']];
    const rebinding: Resolve = () => resolvesTo(...(answers.shift() ?? []))('');
    const target = await findTarget(place, none, rebinding);
    const seen: unknown[] = [];
    pinned(target)('hooks.example', {}, (...answer) => seen.push(answer));
    pinned(target)('hooks.example', { all: true }, (...answer) => seen.push(answer));
    expect(seen).toEqual([
      [null, '93.184.216.34', 4],
      [null, [{ address: '93.184.216.34', family: 4 }]],
    ]);
    expect(answers).toHaveLength(1);
    await expect(findTarget(place, none, rebinding)).rejects.toBeInstanceOf(Refused);
  });

  it('is refused when one address of several is not public', async () => {
    for (const mixed of [
      ['93.184.216.34', '10.0.0.1'],
      ['2606:4700:4700::1111', '::1'],
      ['::ffff:169.254.169.254'],
      ['fd00:ec2::254'],
      [],
    ])
      await expect(findTarget(place, none, resolvesTo(...mixed))).rejects.toBeInstanceOf(Refused);
  });

  it('may be what the operator named, or its network', async () => {
    const inside = resolvesTo('10.0.0.1');
    for (const list of ['hooks.example:443', '10.0.0.0/8:443'])
      expect(await findTarget(place, listed(list), inside)).toMatchObject({ isPublic: false });
    for (const list of ['hooks.example:80', 'example:443', '10.0.0.0/8:80', '10.0.0.2:443'])
      await expect(findTarget(place, listed(list), inside)).rejects.toBeInstanceOf(Refused);
  });

  it('is this machine for every name of it, without asking a resolver', async () => {
    for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])
      expect(isRefusedByName(placeOf(new URL(`http://${host}/`)), none)).toBe(true);
    const target = await findTarget({ host: 'localhost', port: 80 }, listed('127.0.0.1:80'), resolvesTo('8.8.8.8'));
    expect(target.addresses).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });

  it('is read from a URL as a connection would be made', () => {
    expect(placeOf(new URL('http://[::1]/'))).toEqual({ host: '::1', port: 80 });
    expect(placeOf(new URL('https://Example.org/'))).toEqual({ host: 'example.org', port: 443 });
    expect(placeOf(new URL('http://0x7f.1:81/'))).toEqual({ host: '127.0.0.1', port: 81 });
  });
});
