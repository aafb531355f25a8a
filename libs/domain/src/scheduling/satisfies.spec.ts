import { describe, expect, it } from '@jest/globals';
import { needsOf } from './satisfies.js';

const batch = { profile: 'docker-batch', profileVersion: 1, constants: [], echo: {} };
const own = (image: string, more: object = {}) => ({
  ...batch,
  profile: 'own',
  publishedProfile: { owner: 'platform', image, constants: [], network: 'none', ...more } as const,
});
const rule = (proto: string) => ({ forcedNetworkRules: [{ inbound: true, proto, port: '8080' }] });

describe('what a task needs of its node', () => {
  it.each([
    ['a docker profile', batch, { image: true }],
    [
      'one with access to the network and SSH',
      { ...batch, profile: 'docker-network-ssh' },
      { image: true, wayOut: true, waysIn: true },
    ],
    ['a port that is opened by a rule', { ...batch, echo: rule('tcp') }, { image: true, waysIn: true }],
    ['a rule that opens none', { ...batch, echo: rule('udp') }, { image: true }],
    ['a profile without an image', { ...batch, profile: 'shell' }, { hostPrograms: true }],
    [
      'such a one with a column for it',
      { ...batch, profile: 'shell', table: { digest: '', columns: ['DOCKER_REPO'], rows: 1 } },
      { image: true },
    ],
    ['a published profile', own('ghcr.io/studio/tool:1'), { image: true }],
    ['one that runs on the machine', own('host'), { hostPrograms: true }],
    ['one with ports', own('host', { ports: [{ port: 80, kind: 'http' }] }), { hostPrograms: true, waysIn: true }],
  ])('is told of %s', (_which, spec, needs) => expect(needsOf(spec)).toEqual(needs));
});
