import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { workspaceRoot } from '@fornax/testing';
import { commandsOf, recoverPage } from './recover-page.js';

const page = recoverPage();

/** Cells of a table's row; a bar inside code is written `\|`. */
const cellsOf = (line: string): readonly string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

/** Names of all specs of the workspace. */
const specs = new Set(
  ['apps', 'infra', 'libs', 'services', 'tests'].flatMap((folder) => {
    try {
      return readdirSync(join(workspaceRoot, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('spec.ts') && !path.includes('node_modules'))
        .map((path) => basename(path));
    } catch {
      return [];
    }
  }),
);

describe('docs/how-to/recover.md', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('|'));

  it('says in each row of its tables what one sees, what it means and what to do, and names tests that are there', () => {
    const tables = rows.filter((line) => /^\| *(?:what you see|reason) /i.test(line));
    expect(tables.length).toBeGreaterThan(6);
    for (const row of rows.map(cellsOf)) expect(row.filter((cell) => cell !== '')).toHaveLength(4);
    const named = rows.flatMap((row) => [...row.matchAll(/`([^`]*spec\.ts)`/g)].map(([, path = '']) => basename(path)));
    expect(named.length).toBeGreaterThan(rows.length / 2);
    expect(named.filter((name) => !specs.has(name))).toEqual([]);
    const told = rows.map(cellsOf).filter(([first = '']) => !/^(?:-+|what you see|reason)$/i.test(first));
    expect(told.filter(([, , , tests = '']) => !tests.includes('spec.ts')).map(([first]) => first)).toEqual([]);
  });

  it('has commands that a test types as they stand there, and the test no others', () => {
    const test = readFileSync(join(import.meta.dirname, '..', 'recover.fault-spec.ts'), 'utf8');
    const commands = commandsOf(page);
    expect(commands.length).toBeGreaterThan(15);
    expect(commands.filter((command) => !test.includes(`'${command}'`))).toEqual([]);
    const typed = [...test.matchAll(/reader\.(?:types|does)\(\s*'([^']+)'/g)].map(([, command = '']) => command);
    expect(typed.length).toBeGreaterThan(15);
    expect(typed.filter((command) => !commands.includes(command))).toEqual([]);
  });

  it('begins each command of the platform with npx', () =>
    expect([...page.matchAll(/`(fornax [^`]*)`/g)].map(([, command]) => command)).toEqual([]));
});

describe('commands of a page', () => {
  it('are lines of its blocks without comments, and code that begins with a program', () => {
    const markdown =
      'Do `npx fornax health`, not `health`.\n\n```\nnpx fornax log verify   # all of it\nls\n```\n\n`cp -a a b`';
    expect(commandsOf(markdown)).toEqual(['npx fornax log verify', 'npx fornax health', 'cp -a a b']);
  });
});
