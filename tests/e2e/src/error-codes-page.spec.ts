import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';

const read = (path: string): string => readFileSync(join(workspaceRoot, path), 'utf8');
const codesIn = (text: string): readonly string[] => text.match(/\bFX-[A-Z]+(?:-[A-Z]+)*\b/g) ?? [];

/** Codes that the sources give to a failed attempt or task. */
const given = new Set(
  execFileSync('git', ['ls-files', '-z', '--', 'apps/**/*.ts', 'libs/**/*.ts'], {
    cwd: workspaceRoot,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((path) => path !== '' && !/spec\.ts$|\.fixture\.ts$|\.contract\.ts$|^libs\/testing\//.test(path))
    .flatMap((path) => codesIn(read(path).replaceAll(/^\s*(?:\*|\/\/|\/\*).*$/gm, ''))),
);

describe('docs/guide/running.md', () => {
  const rows = read('docs/guide/running.md')
    .split('\n')
    .filter((line) => line.startsWith('| `FX-'));

  it('has a row for each code of a failure, and for no other', () => {
    expect(given.size).toBeGreaterThan(12);
    const listed = rows.flatMap((row) => codesIn(row.split('|')[1] ?? ''));
    expect(listed.toSorted()).toEqual([...given].toSorted());
  });
});
