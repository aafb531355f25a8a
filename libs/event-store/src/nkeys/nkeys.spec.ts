import { describe, expect, it } from '@jest/globals';
import { createAccount, createUser, fromPublic, fromSeed } from '@nats-io/nkeys';
import { createNkey, isPublicNkey, nkeyFromSeed, verifyNkey } from './nkeys.js';

const data = new TextEncoder().encode('a nonce of the server');

describe('NATS keys, beside the package of the NATS clients', () => {
  it('reads seeds that the package made, and gives the same public key and signature', () => {
    for (const [kind, theirs] of [
      ['user', createUser()],
      ['account', createAccount()],
    ] as const) {
      const ours = nkeyFromSeed(new TextDecoder().decode(theirs.getSeed()), kind);
      expect(ours.publicKey).toBe(theirs.getPublicKey());
      expect(new Uint8Array(ours.sign(data))).toEqual(theirs.sign(data));
    }
  });
  it('makes keys that the package reads', () => {
    for (const kind of ['user', 'account'] as const) {
      const ours = createNkey(kind);
      const theirs = fromSeed(new TextEncoder().encode(ours.seed));
      expect(theirs.getPublicKey()).toBe(ours.publicKey);
      expect(fromPublic(ours.publicKey).verify(data, ours.sign(data))).toBe(true);
      expect(ours.seed).toMatch(kind === 'user' ? /^SU/ : /^SA/);
      expect(ours.publicKey).toMatch(kind === 'user' ? /^U/ : /^A/);
    }
  });
  it('tells who signed what', () => {
    const [mine, other] = [createNkey('user'), createNkey('user')];
    const signature = mine.sign(data);
    expect(verifyNkey(mine.publicKey, 'user', data, signature)).toBe(true);
    expect(verifyNkey(other.publicKey, 'user', data, signature)).toBe(false);
    expect(verifyNkey(mine.publicKey, 'account', data, signature)).toBe(false);
    expect(verifyNkey(mine.publicKey, 'user', new TextEncoder().encode('another'), signature)).toBe(false);
    expect(verifyNkey(mine.publicKey, 'user', data, new Uint8Array())).toBe(false);
  });
  it('takes no key with a wrong letter, length, case or kind', () => {
    const { publicKey } = createNkey('user');
    expect(isPublicNkey(publicKey, 'user')).toBe(true);
    for (const wrong of [
      ...['', 'U', publicKey.toLowerCase(), `${publicKey}A`, publicKey.slice(1), `${publicKey.slice(0, -1)}=`],
      `U${publicKey.slice(2)}${publicKey[1] ?? ''}`,
      createNkey('account').publicKey,
    ])
      expect(isPublicNkey(wrong, 'user')).toBe(false);
  });
  it('never shows a seed that it cannot read', () => {
    const { seed } = createNkey('user');
    expect(() => nkeyFromSeed(seed, 'account')).toThrow('this is not the seed of a NATS account key');
    expect(() => nkeyFromSeed(`${seed}A`, 'user')).toThrow(/^this is not the seed of a NATS user key$/);
  });
});
