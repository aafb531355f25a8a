import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { dashboardOf, expressionsOf } from './board.js';
import { boards } from './boards.js';

const folder = new URL('../../../infra/grafana/', import.meta.url);
const fileOf = (uid: string): URL => new URL(`${uid}.json`, folder);
const textOf = (board: (typeof boards)[number]): string => `${JSON.stringify(dashboardOf(board), null, 2)}\n`;

if (process.env['UPDATE_GENERATED'] === '1')
  for (const board of boards) writeFileSync(fileOf(board.uid), textOf(board));

describe('the boards', () => {
  it.each(boards.map((board) => [board.uid, board] as const))(
    '%s is stored in infra/grafana as it is made now (UPDATE_GENERATED=1 writes it)',
    (uid, board) => {
      expect(existsSync(fileOf(uid)) ? readFileSync(fileOf(uid), 'utf8') : '').toBe(textOf(board));
    },
  );

  it('are the only files there', () => {
    expect(readdirSync(folder).toSorted()).toEqual(boards.map(({ uid }) => `${uid}.json`).toSorted());
  });

  it('ask Prometheus for something in each panel', () => {
    for (const { rows } of boards)
      for (const { lines } of rows.flatMap(({ panels }) => panels)) expect(lines.length).toBeGreaterThan(0);
    expect(boards.flatMap(expressionsOf).length).toBeGreaterThan(50);
  });
});
