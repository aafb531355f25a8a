import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { intSetting, loadConfig } from './load-config.js';

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
