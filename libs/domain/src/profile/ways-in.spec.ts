import { describe, expect, it } from '@jest/globals';
import { portsLeftOut, rulesWithoutEffect, waysInOf } from './ways-in.js';

const rule = (port: unknown, more: object = {}) => ({ inbound: true, proto: 'tcp', port, ...more });
const task = (rules: readonly object[], profile = 'docker-batch') => ({
  profile,
  profileVersion: 1,
  echo: { forcedNetworkRules: rules },
});

describe('ports that a task opens', () => {
  it('are those of its profile and of its rules, each once', () => {
    const ways = waysInOf(task([rule('8080'), rule(22, { to: '198.51.100.7' })], 'docker-network-ssh'));
    expect(ways.map(({ name, port, allowed }) => [name, port, allowed])).toEqual([
      ['port-22', 22, ['198.51.100.7']],
      ['port-8080', 8_080, []],
    ]);
  });

  it('are forwarded up to so many, and the others are named', () => {
    const many = task(Array.from({ length: 20 }, (_, at) => rule(8_000 + at)));
    expect(waysInOf(many)).toHaveLength(16);
    expect(portsLeftOut(many)).toEqual([8_016, 8_017, 8_018, 8_019]);
    expect(rulesWithoutEffect(many)).toEqual([]);
    expect(portsLeftOut(task([rule(8_000), rule(8_000)]))).toEqual([]);
  });
});
