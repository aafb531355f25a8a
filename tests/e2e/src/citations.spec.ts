import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const PAGES = { contract: 'docs/contract/rest-api.md', architecture: 'docs/architecture.md' } as const;
type Page = keyof typeof PAGES;

/** `7.2` is the second entry of a section that is a numbered list. */
const sectionsOf = (text: string): ReadonlySet<string> => {
  const found = new Set<string>();
  let section = '';
  for (const line of text.split('\n')) {
    const heading = /^#{2,3} (\d+(?:\.\d+)?)\.? /.exec(line)?.[1];
    const entry = /^(?:\d+\.)?(\d+)\. |^\| (?:\d+\.)?(\d+) \|/.exec(line);
    if (heading !== undefined) found.add((section = heading));
    else if (entry) found.add(`${section.split('.')[0] ?? ''}.${entry[1] ?? entry[2] ?? ''}`);
  }
  return found;
};

/** `contract, sections 3.2 and 4.1` cites two. */
const citationsOf = (text: string): readonly (readonly [Page, string])[] =>
  [
    ...text.matchAll(/\b(contract|architecture),? sections? (\d+(?:\.\d+)?(?:(?:,| and| to|, and) \d+(?:\.\d+)?)*)/g),
  ].flatMap(([, page, list = '']) =>
    [...list.matchAll(/\d+(?:\.\d+)?/g)].map(([section]): readonly [Page, string] => [
      page === 'contract' ? 'contract' : 'architecture',
      section,
    ]),
  );

describe('sections that comments cite', () => {
  const files = execFileSync('git', ['ls-files', '-z', '--', '*.ts', '*.mjs', '*.md'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && !path.endsWith('citations.spec.ts'));
  const cited = files.flatMap((path) =>
    citationsOf(readFileSync(`${root}/${path}`, 'utf8')).map(([page, section]) => ({ path, page, section })),
  );

  it('are there', () => {
    const known = {
      contract: sectionsOf(readFileSync(`${root}/${PAGES.contract}`, 'utf8')),
      architecture: sectionsOf(readFileSync(`${root}/${PAGES.architecture}`, 'utf8')),
    };
    expect(cited.length).toBeGreaterThan(90);
    const missing = cited.filter(({ page, section }) => !known[page].has(section));
    expect(missing.map(({ path, page, section }) => `${path}: ${page}, section ${section}`)).toEqual([]);
  });
});

describe('paths that pages name', () => {
  // A path that begins in a folder of the repository; `adr/0026` stands for the page with that number.
  const PATH = /`((?:apps|docs|infra|libs|tests|tools)\/[A-Za-z0-9_./-]*[A-Za-z0-9])`/g;
  const pages = execFileSync('git', ['ls-files', '-z', '--', '*.md'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && !/^(CHANGELOG|docs\/adr\/)/.test(path));
  const all = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
  // What setting up or building makes, and no commit holds.
  const isMade = (path: string): boolean => /^(infra\/secrets|docs\/dist)\b/.test(path);
  const isThere = (path: string): boolean =>
    isMade(path) || all.some((file) => file === path || file.startsWith(`${path}/`) || file.startsWith(`${path}-`));

  it('are there', () => {
    const named = pages.flatMap((page) =>
      [...readFileSync(`${root}/${page}`, 'utf8').matchAll(PATH)].map(([, path = '']) => ({ page, path })),
    );
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter(({ path }) => !isThere(path)).map(({ page, path }) => `${page}: ${path}`)).toEqual([]);
  });
});
