import { describe, expect, it } from '@jest/globals';
import { SealedElsewhere, Sealer } from './sealer.js';

const sealer = new Sealer(Buffer.alloc(32, 1));

describe('Sealer', () => {
  it('opens what it sealed, with the key it wrapped', () => {
    const { wrapped, key } = sealer.newDataKey();
    const sealed = sealer.seal(key, 'pässword');
    expect(sealer.open(sealer.unwrap(wrapped), sealed)).toBe('pässword');
  });

  it('never seals the same way twice, and shows nothing of the text', () => {
    const { key } = sealer.newDataKey();
    const [one, two] = [sealer.seal(key, 'secret'), sealer.seal(key, 'secret')];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64url').toString('latin1')).not.toContain('secret');
  });

  it('refuses what was changed', () => {
    const { key } = sealer.newDataKey();
    const bytes = Buffer.from(sealer.seal(key, 'secret'), 'base64url');
    for (const at of [0, 5, 20, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(() => sealer.open(key, changed.toString('base64url'))).toThrow();
    }
    expect(() => sealer.open(key, 'AQ')).toThrow('not a sealed value');
  });

  it('refuses another master key', () => {
    const other = new Sealer(Buffer.alloc(32, 2));
    expect(() => other.unwrap(sealer.newDataKey().wrapped)).toThrow();
    expect(() => other.openWithMaster(sealer.sealWithMaster('token'))).toThrow();
    expect(sealer.openWithMaster(sealer.sealWithMaster('token'))).toBe('token');
  });

  it('opens what it sealed only as what it belongs to', () => {
    const { wrapped, key } = sealer.newDataKey('secret/a');
    const sealed = sealer.seal(key, 'value', 'secret/a');
    expect(sealer.open(sealer.unwrap(wrapped, 'secret/a'), sealed, 'secret/a')).toBe('value');
    expect(() => sealer.unwrap(wrapped, 'secret/b')).toThrow(SealedElsewhere);
    expect(() => sealer.open(key, sealed, 'secret/b')).toThrow();
  });

  it('opens what another of its master keys sealed, and seals with the first', () => {
    const [before, after] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const both = new Sealer(after, [before]);
    expect(both.openWithMaster(sealer.sealWithMaster('token'))).toBe('token');
    expect(new Sealer(after).openWithMaster(both.sealWithMaster('token'))).toBe('token');
    expect(sealer.opens(both.sealWithMaster('token'))).toBe(false);
  });

  // Made by the release before envelopes named their key.
  it('opens envelopes of the first version', () => {
    const sealed = 'AQABAgMEBQYHCAkKCxwhAePT7uMk5o5BbvQOfmfPyf5DTt5pH94IgqJPG60';
    expect(sealer.openWithMaster(sealed)).toBe('token of before');
    expect(new Sealer(Buffer.alloc(32, 2), [Buffer.alloc(32, 1)]).openWithMaster(sealed)).toBe('token of before');
  });

  it('wants a master key of 32 bytes', () => expect(() => new Sealer(Buffer.alloc(16))).toThrow('32 bytes'));
});
