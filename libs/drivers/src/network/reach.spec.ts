import { describe, expect, it } from '@jest/globals';

import { allowProblem, DENIED_NETWORKS, reachOf } from './reach.js';
import { readDevice } from './way-out.js';

describe('what a way out leads to', () => {
  it('is nothing of the neighborhood and no address of the machine, unless an operator says so', () => {
    expect(reachOf(['9.8.7.6'], [])).toEqual({ denied: [...DENIED_NETWORKS, '9.8.7.6/32'], allowed: [] });
    expect(DENIED_NETWORKS).toEqual(
      expect.arrayContaining([
        // IANA's registry of special-purpose IPv4 addresses, but for those that it calls globally reachable.
        ...['0.0.0.0/8', '10.0.0.0/8', '127.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24'],
        ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4'],
        '169.254.0.0/16',
        '172.16.0.0/12',
        '192.168.0.0/16',
        '100.64.0.0/10',
        '224.0.0.0/4',
      ]),
    );
  });

  it('is a part of a denied network that is allowed, or a whole one', () => {
    const part = reachOf([], ['10.1.0.0/16']);
    expect(part).toEqual({ denied: DENIED_NETWORKS, allowed: ['10.1.0.0/16'] });
    const whole = reachOf([], ['10.0.0.0/8', '10.0.0.0/8']);
    expect(whole).toEqual({ denied: DENIED_NETWORKS.filter((text) => text !== '10.0.0.0/8'), allowed: ['10.0.0.0/8'] });
  });

  it('is an address of the machine only by its name', () => {
    expect(reachOf(['10.1.2.3'], ['10.0.0.0/8']).denied).toContain('10.1.2.3/32');
    expect(reachOf(['10.1.2.3'], ['10.1.2.3/32']).denied).not.toContain('10.1.2.3/32');
  });

  it('may be everything, but for what belongs to the way itself', () => {
    expect(reachOf([], ['0.0.0.0/0'])).toEqual({ denied: ['192.0.0.0/24'], allowed: [] });
  });

  it.each([
    '10.1.0.0',
    '10.1.0.0/8',
    '10.0.0.0/33',
    '256.0.0.0/8',
    'fd00::/8',
    '127.0.0.1/32',
    '192.0.0.8/32',
    '224.0.0.251/32',
    'lan',
  ])('is never %s', (text) => expect(allowProblem(text)).toContain(text));

  it.each(['10.0.0.0/8', '0.0.0.0/0', '192.168.1.5/32'])('may be %s', (text) =>
    expect(allowProblem(text)).toBeUndefined(),
  );
});

it('reads what a device has moved', () => {
  const text =
    'Inter-|   Receive\n face |bytes\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n    in: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n';
  expect(readDevice(text, 'in')).toEqual({ receivedBytes: 10, sentBytes: 20 });
  expect(readDevice(text, 'out')).toBeUndefined();
});
