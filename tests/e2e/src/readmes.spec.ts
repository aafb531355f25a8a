import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

const read = (path: string): string => readFileSync(join(workspaceRoot, path), 'utf8');
const tracked = execFileSync('git', ['ls-files', '-z', '--', '*.md'], { cwd: workspaceRoot, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '');

const foldersIn = (path: string): readonly string[] =>
  existsSync(join(workspaceRoot, path))
    ? readdirSync(join(workspaceRoot, path), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : [];

/** Folders that a README names: `src/desk/` at the beginning of a line, or `desk/` as the first word of a row or an entry. */
const namedFolders = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => {
    const inBlock = /^src\/[a-z0-9-]+\/(?:, src\/[a-z0-9-]+\/)*/.exec(line)?.[0] ?? '';
    const first = /^(?:\| |[*-] )((?:`(?:src\/)?[a-z0-9-]+\/`(?:, )?)+)/.exec(line)?.[1] ?? '';
    return [
      ...[...inBlock.matchAll(/src\/([a-z0-9-]+)\//g)].map(([, name = '']) => name),
      ...[...first.matchAll(/`(?:src\/)?([a-z0-9-]+)\/`/g)].map(([, name = '']) => name),
    ];
  });

describe('what READMEs say of their folder', () => {
  const libraries = tracked
    .filter((path) => /^(libs|apps)\/.*README\.md$/.test(path))
    .map(dirname)
    .filter((folder) => existsSync(join(workspaceRoot, folder, 'src')));
  /** What needs no word: every service has it, and it is what its name says. */
  const plain = new Set(['migrations', 'config', 'specs']);

  it('is about folders that are there', () => {
    const gone = libraries.flatMap((folder) => {
      const there = new Set([...foldersIn(`${folder}/src`), ...foldersIn(folder)]);
      return namedFolders(read(`${folder}/README.md`))
        .filter((name) => !there.has(name))
        .map((name) => `${folder}: ${name}`);
    });
    expect(gone).toEqual([]);
  });

  it('is about all of them, where it lists them', () => {
    const listing = libraries.filter((folder) => namedFolders(read(`${folder}/README.md`)).length > 1);
    expect(listing.length).toBeGreaterThan(8);
    const left = listing.flatMap((folder) => {
      const named = new Set(namedFolders(read(`${folder}/README.md`)));
      return foldersIn(`${folder}/src`)
        .filter((name) => !named.has(name) && !plain.has(name))
        .map((name) => `${folder}: ${name}`);
    });
    expect(left).toEqual([]);
  });
});

describe('events that pages name', () => {
  // `TaskSubmitted.v2.json`: a sample of each version of each event.
  const events = new Set(
    readdirSync(join(workspaceRoot, 'libs/contracts/samples')).map((name) => name.split('.', 1)[0] ?? ''),
  );
  const kinds = new Set([...events].map((name) => /^[A-Z][a-z]+/.exec(name)?.[0]));

  it('are in the catalogue', () => {
    const pages = tracked.filter((path) => !/^(CHANGELOG|docs\/adr\/|docs\/contract\/)/.test(path));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/`([A-Z][a-z]+)([A-Z][A-Za-z]*(?:ed|Concluded))`/g)]
        .filter(([, kind]) => kinds.has(kind))
        .map(([, kind = '', rest = '']) => ({ page, event: `${kind}${rest}` })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ event }) => !events.has(event)).map(({ page, event }) => `${page}: ${event}`)).toEqual([]);
  });
});
