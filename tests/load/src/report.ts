/** One measured number; `floor` is what bounds it, measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly floor?: number;
  readonly floorName?: string;
}

const number = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1));

/** A Markdown table: figure, value, ratio to its floor, and the last recorded run beside it. */
export const renderTable = (figures: readonly Figure[], last: readonly Figure[]): string => {
  const rows = figures.map(({ name, value, unit, floor, floorName }) => {
    const before = last.find((other) => other.name === name);
    return [
      name,
      `${number(value)} ${unit}`,
      floor === undefined ? '' : `${(value / floor).toFixed(2)} of ${number(floor)} ${floorName ?? ''}`.trim(),
      before === undefined ? '' : `${number(before.value)} (${(value / before.value).toFixed(2)}x)`,
    ];
  });
  const head = ['figure', 'now', 'ratio to floor', 'last run'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
};
