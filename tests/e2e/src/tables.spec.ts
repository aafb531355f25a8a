import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { workspaceRoot } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';

/** What a statement writes or reads. Words behind FROM that are no tables (functions, aliases of WITH) are left out by not being created by anybody. */
const USED = /\b(?:FROM|JOIN|INTO|UPDATE|DELETE FROM|TRUNCATE)\s+(?:ONLY\s+)?([a-z_]+)\b(?!\s*\()/g;
const CREATED = /CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)\b/g;

/** The schema that a project asks for: by the name of its database. */
const SCHEMA = /\b(?:DATABASE = |serviceDatabase\(\s*)'([a-z-]+)'/g;

const isProgram = (path: string): boolean => path.endsWith('.ts') && !/(spec|fixture|\.d)\.ts$/.test(path);

/** Checkpoints, marks and remembered answers are the platform's; its two libraries share them. */
const PLATFORM: readonly string[] = ['libs/projections', 'libs/service-kit'];
const ownerOf = (project: string): string => (PLATFORM.includes(project) ? 'platform' : project);

/** The programs of each project below `libs`, by the project's folder: the innermost one with a package. */
const programsByProject = async (): Promise<ReadonlyMap<string, readonly string[]>> => {
  const libs = join(workspaceRoot, 'libs');
  const entries = await readdir(libs, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/(node_modules|dist)\//.test(path));
  const projects = new Set(files.filter((path) => path.endsWith('/package.json')).map((path) => dirname(path)));
  const projectOf = (path: string): string => (projects.has(path) ? path : projectOf(dirname(path)));
  return Map.groupBy(files.filter(isProgram), (path) => ownerOf(relative(workspaceRoot, projectOf(dirname(path)))));
};

const namesIn = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);

describe('tables', () => {
  it('are named in statements of the project alone that creates them; those of the platform by its libraries', async () => {
    const texts = new Map(
      [...(await programsByProject())].map(([project, paths]) => [
        project,
        paths.map((path) => ({ path: relative(workspaceRoot, path), text: readFileSync(path, 'utf8') })),
      ]),
    );
    const owner = new Map<string, string>();
    for (const [project, files] of texts)
      for (const { text } of files) for (const name of namesIn(text, CREATED)) owner.set(name, project);
    const features = 'libs/services/submission';
    expect(
      ['task', 'log_chunk', 'log_forgotten', 'webhook', 'webhook_delivery'].map((table) => owner.get(table)),
    ).toEqual(['tasks', 'output', 'output', 'notify', 'notify'].map((feature) => `${features}/${feature}`));
    expect(owner.size).toBeGreaterThan(25);
    const trespasses = [...texts].flatMap(([project, files]) =>
      files.flatMap(({ path, text }) =>
        namesIn(text, USED)
          .filter((name) => owner.has(name) && owner.get(name) !== project)
          .map((name) => `${path} names ${name}, a table of ${owner.get(name)}`),
      ),
    );
    expect(trespasses).toEqual([]);
  });

  it('of a service or a feature lie in a schema that is theirs alone', async () => {
    const schemas = [...(await programsByProject())].flatMap(([project, paths]) => {
      const texts = paths.map((path) => readFileSync(path, 'utf8'));
      const makesTables =
        project.startsWith('libs/services/') && texts.some((text) => namesIn(text, CREATED).length > 0);
      return makesTables ? [{ project, schemas: [...new Set(texts.flatMap((text) => namesIn(text, SCHEMA)))] }] : [];
    });
    expect(Object.fromEntries(schemas.map(({ project, schemas: [...names] }) => [project, names.join()]))).toEqual({
      'libs/services/billing': 'billing',
      'libs/services/node-registry': 'node-registry',
      'libs/services/scheduler': 'scheduler',
      'libs/services/snapshot': 'snapshot',
      'libs/services/storage': 'storage',
      // In the schema of tasks: one table holds the names of both, and an answer about one asks for the other.
      'libs/services/submission/jobs': '',
      'libs/services/submission/notify': 'notify',
      'libs/services/submission/output': 'output',
      // Their rows lie beside those of tasks, in the schema that tasks name.
      'libs/services/submission/pools': '',
      // What tasks can run is asked for at each submission: in the schema of tasks, which imports it and names it again.
      'libs/services/submission/profiles': 'submission',
      // Beside the data keys, which are those of tasks as well.
      'libs/services/submission/secrets': '',
      'libs/services/submission/tasks': 'submission',
    });
  });
});
