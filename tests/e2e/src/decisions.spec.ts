import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const folder = fileURLToPath(new URL('../../../docs/adr/', import.meta.url));

describe('records of decisions', () => {
  const files = readdirSync(folder).filter((name) => /^\d{4}-.+\.md$/.test(name));
  const records = files.map((name) => ({ name, text: readFileSync(folder + name, 'utf8') }));

  it('begin with their number and title, and their status on a line of its own', () => {
    expect(records.length).toBeGreaterThan(130);
    const other = records.filter(
      ({ name, text }) =>
        !new RegExp(`^# ${name.slice(0, 4)} (?!.*Status:).*\\S\n\nStatus: [a-z]+ \\d{4}-\\d\\d-\\d\\d`).test(text),
    );
    expect(other.map(({ name }) => name)).toEqual([]);
  });

  it('are listed once each, in order, by their titles', () => {
    const listed = readFileSync(`${folder}README.md`, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('* ['));
    expect(listed).toEqual(records.map(({ name, text }) => `* [${text.slice(2, text.indexOf('\n'))}](${name})`));
  });
});
