import { KnownSecrets } from '@fornax/base';
import { describe, expect, it } from '@jest/globals';

import { toldWithout } from './told.js';

describe('what is told of an instance', () => {
  const secrets = new KnownSecrets(['a secret value']);

  it('has no secret in its error and its notes', () => {
    const error = { code: 'FX-CONSTANT', message: 'no a secret value', debug: 'nor a secret value' };
    const update = { sequence: 1, seq: 1 } as never;
    expect(toldWithout(secrets, { kind: 'refresh-failed', update, error, isFinal: true })).toEqual({
      kind: 'refresh-failed',
      update,
      error: { code: 'FX-CONSTANT', message: 'no [SECRET]', debug: 'nor [SECRET]' },
      isFinal: true,
    });
    const ended = { kind: 'ended', notes: ['No results: "a secret val…"', 'plain'] } as Parameters<
      typeof toldWithout
    >[1];
    expect(toldWithout(secrets, ended)).toEqual({ kind: 'ended', notes: ['No results: "[SECRET]…"', 'plain'] });
  });

  it('is as it was where there is nothing to say', () =>
    expect(toldWithout(secrets, { kind: 'exited' })).toEqual({ kind: 'exited' }));
});
