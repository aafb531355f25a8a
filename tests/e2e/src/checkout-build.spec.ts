import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

interface Bootstrap {
  readonly isBuilt: (folder: string) => boolean;
}

const { isBuilt } = (await import(new URL('../../../tools/bootstrap.mjs', import.meta.url).href)) as Bootstrap;

describe('a build', () => {
  let folder: string;
  const has = (...paths: readonly string[]): void => {
    for (const path of paths) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), '');
    }
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fornax-build-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is whole when each source was built, not when its entry was', () => {
    has('src/index.ts', 'src/access/gates.ts', 'src/access/gates.spec.ts', 'src/rig.fixture.ts', 'dist/index.js');
    expect(isBuilt(folder)).toBe(false);
    has('dist/access/gates.js');
    expect(isBuilt(folder)).toBe(true);
  });

  it('is not asked of a folder that has none', () => {
    has('src/some.e2e-spec.ts', 'src/clients.ts');
    expect(isBuilt(folder)).toBe(true);
  });

  it('keeps its cache in its checkout: Nx would share one among all checkouts of a user, and `nx reset` of one empty it under the others', () => {
    const { cacheDirectory } = JSON.parse(readFileSync(join(workspaceRoot, 'nx.json'), 'utf8')) as {
      readonly cacheDirectory?: string;
    };
    expect(cacheDirectory).toBeDefined();
    expect(isAbsolute(cacheDirectory ?? '/')).toBe(false);
  });
});
