import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from '@jest/globals';

import { initProgram } from './init-program.js';

const native = fileURLToPath(new URL('../../native/', import.meta.url));
const sha256 = (paths: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(join(native, path)));
  return hash.digest('hex');
};

it('is built from the sources that are there', () => {
  const record: unknown = JSON.parse(readFileSync(join(native, 'bin/built-from.json'), 'utf8'));
  expect(record).toMatchObject({
    sources: sha256(globSync('src/*', { cwd: native }).sort()),
    'linux-x64': sha256(['bin/linux-x64/fornax-init']),
    'linux-arm64': sha256(['bin/linux-arm64/fornax-init']),
  });
});

it('says what to do on a machine for which there is none', async () => {
  await expect(initProgram('linux', 'mips')).rejects.toThrow(/linux-mips.*native\/README\.md tells how to build it/);
});
