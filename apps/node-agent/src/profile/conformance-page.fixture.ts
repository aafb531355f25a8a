import { type Row, ROWS, SOURCES } from './conformance-rows.fixture.js';

/** Who runs the agent, and how instances are isolated. */
export const COLUMNS = ['root, bubblewrap', 'root, unshare', 'user, bubblewrap', 'user, unshare'] as const;
export type Column = (typeof COLUMNS)[number];
export type Seen = Readonly<Partial<Record<Column, Readonly<Record<string, string>>>>>;

const SAME = '✓';
/** As the cell before it. */
const AGAIN = '←';
const HEAD = `# What a command sees

Generated from instances that were run, at each level of isolation, by an agent that is root and by one that is an ordinary user; do not edit.
\`UPDATE_GENERATED=1 node tools/test.mjs int conformance\` writes it anew, and that test fails where it is not true. ${SAME} means: as under
\`docker run IMAGE COMMAND\` of a Debian image, without options, by a Docker that starts containers with its default profiles. What Docker does is not
measured here; the numbers say where it is written down. ${AGAIN} means: as in the column before.
`;

const cellOf = (row: Row, value: string): string => (value === row.docker ? SAME : value);

const wordsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Cells of a page as it is stored, by what they are of. */
const storedCells = (page: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    page
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => wordsOf(line))
      .map(([what = '', , ...cells]) => [
        what,
        cells.map((cell, at) =>
          cell === AGAIN ? (cells.slice(0, at).findLast((other) => other !== AGAIN) ?? '?') : cell,
        ),
      ]),
  );

/**
 * Writes the page.
 * @param stored the page as it is: what cannot be seen here (an ordinary user runs no agent that is root) stays as it was
 */
export const pageOf = (seen: Seen, stored: string): string => {
  const before = storedCells(stored);
  const cells = (row: Row): readonly string[] =>
    COLUMNS.map((column, at) => {
      const value = seen[column]?.[row.id];
      return value === undefined ? (before.get(row.what)?.[at] ?? '?') : cellOf(row, value);
    });
  const areas = [...new Set(ROWS.map(({ area }) => area))];
  const sections = areas.map((area) => {
    const lines = ROWS.filter((row) => row.area === area).map((row) => {
      const own = cells(row);
      const why = own.every((cell) => cell === SAME) ? '' : (row.why ?? '');
      const shown = own.map((cell, at) => (at > 0 && cell !== SAME && cell === own[at - 1] ? AGAIN : cell));
      return `| ${[row.what, `${row.docker} (${row.source})`, ...shown, why].join(' | ')} |`;
    });
    const titles = ['', '`docker run`', ...COLUMNS, 'why'];
    return [`## ${area}`, '', `| ${titles.join(' | ')} |`, `|${titles.map(() => '---').join('|')}|`, ...lines].join(
      '\n',
    );
  });
  const sources = SOURCES.map((source, at) => `${at + 1}. ${source}`).join('\n');
  return `${HEAD}\n${sections.join('\n\n')}\n\n## Sources\n\n${sources}\n`;
};
