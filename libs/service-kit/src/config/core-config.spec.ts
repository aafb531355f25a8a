import { describe, expect, it } from '@jest/globals';
import { loadCoreConfig } from './core-config.js';

describe('loadCoreConfig', () => {
  const env = { FORNAX_DATABASE_URL: 'postgres://x', FORNAX_MASTER_KEY: Buffer.alloc(32).toString('base64') };

  it('wants a master key of 32 bytes, and does not repeat a wrong one', () => {
    expect(loadCoreConfig('test', env).masterKey).toHaveLength(32);
    const wrong = { ...env, FORNAX_MASTER_KEY: 'c2VjcmV0' };
    expect(() => loadCoreConfig('test', wrong)).toThrow(/^(?![^]*c2VjcmV0)[^]*FORNAX_MASTER_KEY must be 32 bytes/);
    expect(() => loadCoreConfig('test', { FORNAX_DATABASE_URL: 'postgres://x' })).toThrow('FORNAX_MASTER_KEY');
  });
});
