import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

interface Bootstrap {
  readonly isBuilt: (folder: string) => boolean;
}
const groups = ['apps', 'libs', 'libs/services', 'libs/services/submission'];
const all = groups
  .flatMap((group) => readdirSync(join(workspaceRoot, group)).map((name) => `${group}/${name}`))
  .filter((folder) => existsSync(join(workspaceRoot, folder, 'package.json')));
/** Every project that is built, but the test tools, which ship nowhere. */
const projects = all.filter((folder) => folder !== 'libs/testing');

const filesOf = (folder: string): readonly string[] =>
  readdirSync(join(workspaceRoot, folder, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[cm]?js$/.test(name))
    .map((name) => `${folder}/dist/${name}`);

describe('what is built for users', () => {
  const files = projects.flatMap(filesOf);

  it('is of every project', () => {
    expect(projects.length).toBeGreaterThan(25);
    for (const folder of projects) expect([folder, filesOf(folder).length]).not.toEqual([folder, 0]);
  });

  it('is whole, so that the next command here does not build again', async () => {
    const { isBuilt } = (await import(join(workspaceRoot, 'tools/bootstrap.mjs'))) as Bootstrap;
    expect(all.filter((folder) => !isBuilt(join(workspaceRoot, folder)))).toEqual([]);
  });

  it('has no spec, fixture or contract suite in it, and nothing that needs Jest or the test tools', () => {
    const named = files.filter((file) => /\.(([a-z0-9]+-)?spec|fixture|contract)\.js$/.test(file));
    expect(named).toEqual([]);
    const needing = files.filter((file) =>
      /from ['"](@jest\/globals|@fornax\/testing|fast-check)|createTestApp/.test(
        readFileSync(join(workspaceRoot, file), 'utf8'),
      ),
    );
    expect(needing).toEqual([]);
  });
});
