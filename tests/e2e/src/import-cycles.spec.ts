import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { workspaceRoot } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';

const projects = (): readonly string[] => {
  const { workspaces } = JSON.parse(readFileSync(join(workspaceRoot, 'package.json'), 'utf8')) as {
    readonly workspaces: readonly string[];
  };
  return workspaces
    .map((pattern) => pattern.replace(/\/\*$/, ''))
    .flatMap((group) => readdirSync(join(workspaceRoot, group)).map((name) => `${group}/${name}`))
    .filter((project) => existsSync(join(workspaceRoot, project, 'package.json')));
};

/** Which folders of a project import from which. */
const importsOf = (project: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const src = join(workspaceRoot, project, 'src');
  const imports = new Map<string, Set<string>>();
  if (!existsSync(src)) return imports;
  for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/(?<!spec|fixture|\.d)\.ts$/.test(entry.name)) continue;
    const from = relative(src, entry.parentPath);
    for (const [, path] of readFileSync(join(entry.parentPath, entry.name), 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
      const to = relative(src, dirname(normalize(join(entry.parentPath, path ?? ''))));
      if (to !== from) imports.set(from, (imports.get(from) ?? new Set()).add(to));
    }
  }
  return imports;
};

/** @returns the folders on the way from one to itself; undefined when there is none */
const circleIn = (imports: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined => {
  const done = new Set<string>();
  const visit = (folder: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(folder)) return [...way.slice(way.indexOf(folder)), folder];
    if (done.has(folder)) return undefined;
    for (const next of imports.get(folder) ?? []) {
      const circle = visit(next, [...way, folder]);
      if (circle) return circle;
    }
    done.add(folder);
    return undefined;
  };
  for (const folder of imports.keys()) {
    const circle = visit(folder, []);
    if (circle) return circle;
  }
  return undefined;
};

describe('imports between folders', () => {
  it('are found when they run in a circle', () =>
    expect(
      circleIn(
        new Map([
          ['a', new Set(['b'])],
          ['b', new Set(['c'])],
          ['c', new Set(['b'])],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']));

  it('run in no circle within a project', () => {
    const circles = projects().flatMap((project) => {
      const circle = circleIn(importsOf(project));
      return circle ? [{ project, circle: circle.map((folder) => folder || '.').join(' > ') }] : [];
    });
    expect(circles).toEqual([]);
  });
});
