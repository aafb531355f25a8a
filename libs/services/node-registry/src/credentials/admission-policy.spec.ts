import { expect, it } from '@jest/globals';
import { refusalOf } from './admission-policy.js';

it.each(['2.9.25', '1.4.1', '2.0.0', ''])(
  'admits no node of another machine with nats-server %j, and says why',
  (version) => {
    expect(refusalOf(version, true)).toMatch(/2\.10 or later/);
    expect(refusalOf(version, true)).toContain(version);
  },
);

it('admits them with a server that asks, once it was given the key to answer with', () => {
  for (const version of ['2.10.0', '2.15.2', '3.0.1']) {
    expect(refusalOf(version, true)).toBeUndefined();
    expect(refusalOf(version, false)).toMatch(/FORNAX_NATS_ISSUER_SEED/);
  }
});
