import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { INSTRUMENTS } from '@fornax/base';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { expressionsOf } from './board.js';
import { boards } from './boards.js';
import { metricsPage } from './metrics-page.js';
import { prometheusName } from './names.js';

const root = new URL('../../../', import.meta.url);
const page = new URL('docs/reference/metrics.md', root);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(page, metricsPage());

const sources = execFileSync('git', ['ls-files', '-z', '--', 'apps/**/*.ts', 'libs/**/*.ts'], {
  cwd: fileURLToPath(root),
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path !== '' && existsSync(new URL(path, root)) && !/spec\.ts$|\.fixture\.ts$/.test(path));

const names = Object.keys(INSTRUMENTS) as (keyof typeof INSTRUMENTS)[];
const known = new Set(
  names.flatMap((name) => {
    const stem = prometheusName(name);
    return INSTRUMENTS[name].kind === 'histogram' ? [`${stem}_bucket`, `${stem}_count`, `${stem}_sum`] : [stem];
  }),
);
const metricsIn = (expression: string): readonly string[] =>
  expression.match(/\b(?:fornax|http_server)_[a-z0-9_]+/g)?.filter((name) => !/^http_(route|response)/.test(name)) ??
  [];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const rules = (parse(read('infra/prometheus/fornax.rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

describe('metrics', () => {
  it('are listed on a page as the catalogue has them (UPDATE_GENERATED=1 writes it)', () => {
    expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(metricsPage());
  });

  it('are made from the catalogue alone', () => {
    const makers = sources.filter((path) =>
      /\.create(?:Observable)?(?:Counter|UpDownCounter|Gauge|Histogram)\(/.test(read(path)),
    );
    expect(makers).toEqual(['libs/base/src/telemetry/metrics.ts']);
  });

  it('are all told by somebody', () => {
    const all = sources
      .filter((path) => !path.startsWith('libs/boards/') && !path.endsWith('/catalogue.ts'))
      .map(read)
      .join('\n');
    expect(names.filter((name) => !all.includes(`'${name}'`))).toEqual([]);
  });
});

describe('boards and alerts', () => {
  it('ask for metrics that there are', () => {
    const asked = [...boards.flatMap(expressionsOf), ...rules.map(({ expr }) => expr)].flatMap(metricsIn);
    expect(asked.length).toBeGreaterThan(80);
    expect([...new Set(asked)].filter((name) => !known.has(name))).toEqual([]);
  });

  it('each alert has its section on the page that it names', () => {
    const sections = read('docs/how-to/alerts.md').match(/^## (Fornax\w+)$/gm) ?? [];
    expect(sections.map((line) => line.slice(3)).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
    for (const { alert, annotations } of rules)
      expect(annotations.runbook).toBe(`docs/how-to/alerts.md#${alert.toLowerCase()}`);
  });
});
