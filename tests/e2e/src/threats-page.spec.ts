import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/explanation/threats.md', root), 'utf8');
const attacks = page.slice(page.indexOf('## What an attack meets')).split('\n');

/** Cells of a table's row; a bar inside code is written `\|`. */
const cellsOf = (line: string): readonly string[] =>
  line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

describe('docs/explanation/threats.md', () => {
  const [head, delimiter, ...rows] = attacks.filter((line) => line.startsWith('|')).map(cellsOf);

  it('has one table of attacks, each with what it meets and a test', () => {
    expect(head).toEqual(['attacker', 'attack', 'what it meets', 'test']);
    expect(delimiter?.every((cell) => /^-+$/.test(cell))).toBe(true);
    expect(rows.length).toBeGreaterThan(60);
    for (const row of rows) {
      expect(row).toHaveLength(4);
      expect(row[0]).toMatch(/^[a-z]/);
      expect(row[3]).toMatch(/`[^`]+spec\.ts`/);
    }
  });

  it('names tests that are there', () => {
    const named = rows.flatMap(([, , , tests = '']) => [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path));
    const missing = named.filter((path) => !existsSync(fileURLToPath(new URL(path, root))));
    expect(missing).toEqual([]);
  });
});
