import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { intSetting, loadConfig } from './load-config.js';
import { loadCoreConfig } from './core-config.js';

const schema = z.object({
  FORNAX_TEST_URL: z.string(),
  FORNAX_TEST_LIMIT: intSetting({ min: 1, max: 10 }).default(3),
});

describe('loadConfig', () => {
  it('reads settings and fills in defaults; an empty value counts as unset', () =>
    expect(loadConfig(schema, { FORNAX_TEST_URL: 'x', FORNAX_TEST_LIMIT: '', OTHER: 'y' })).toEqual({
      FORNAX_TEST_URL: 'x',
      FORNAX_TEST_LIMIT: 3,
    }));

  it('reads a setting from the file that <NAME>_FILE names', () => {
    const FORNAX_TEST_URL_FILE = fileURLToPath(import.meta.url);
    expect(loadConfig(schema, { FORNAX_TEST_URL_FILE }).FORNAX_TEST_URL).toContain('reads a setting from the file');
    expect(() => loadConfig(schema, { FORNAX_TEST_URL_FILE: '/no/such/file' })).toThrow(
      /FORNAX_TEST_URL_FILE: .*ENOENT/,
    );
    expect(() => loadConfig(schema, { FORNAX_TEST_URL: 'hush', FORNAX_TEST_URL_FILE })).toThrow(
      /^(?![^]*hush)[^]*set one/,
    );
  });

  it('names every setting that is missing or wrong', () => {
    expect(() => loadConfig(schema, { FORNAX_TEST_LIMIT: '11' })).toThrow(
      /FORNAX_TEST_URL must be set[^]*FORNAX_TEST_LIMIT/,
    );
    expect(() => loadConfig(schema, { FORNAX_TEST_URL: 'x', FORNAX_TEST_LIMIT: 'many' })).toThrow(
      'FORNAX_TEST_LIMIT: must be a whole number',
    );
  });
});

describe('loadCoreConfig', () => {
  const env = { FORNAX_DATABASE_URL: 'postgres://x', FORNAX_MASTER_KEY: Buffer.alloc(32).toString('base64') };

  it('wants a master key of 32 bytes, and does not repeat a wrong one', () => {
    expect(loadCoreConfig('test', env).masterKey).toHaveLength(32);
    const wrong = { ...env, FORNAX_MASTER_KEY: 'c2VjcmV0' };
    expect(() => loadCoreConfig('test', wrong)).toThrow(/^(?![^]*c2VjcmV0)[^]*FORNAX_MASTER_KEY must be 32 bytes/);
    expect(() => loadCoreConfig('test', { FORNAX_DATABASE_URL: 'postgres://x' })).toThrow('FORNAX_MASTER_KEY');
  });
});
