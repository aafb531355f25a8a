import type { Exemplar } from './exemplars.js';
import { seriesOf } from './series.js';

/** What a scraper that understands both gets. */
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Finds the exemplar of one bucket: its series without `le`, and its upper bound. */
export type ExemplarOf = (series: string, bound: number) => Exemplar | undefined;

const COMMENT = /^# (HELP|TYPE|UNIT) (\w+) (.*)$/;
const BUCKET = /^(\w+)_bucket\{(.*)\} (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

const unescaped = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));

/** Numbers of bounds have a point there: `1.0`, but `0.25` and `+Inf`. */
const canonical = (bound: string): string => (/^\d+$/.test(bound) ? `${bound}.0` : bound);
const boundOf = (bound: string): number => (bound === '+Inf' ? Infinity : Number(bound));

const exemplarText = ({ traceId, spanId, value, atMs }: Exemplar): string =>
  ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${(atMs / 1_000).toFixed(3)}`;

const bucketLine = (line: string, exemplarOf: ExemplarOf): string => {
  const [, name = '', pairs = '', count = ''] = BUCKET.exec(line) ?? [];
  const labels: Record<string, string> = {};
  for (const [, label = '', value = ''] of pairs.matchAll(LABEL)) labels[label] = unescaped(value);
  const { le = '+Inf', ...others } = labels;
  const exemplar = exemplarOf(seriesOf(name, others), boundOf(le));
  const renamed = pairs.replace(/le="[^"]*"$/, `le="${canonical(le)}"`);
  return `${name}_bucket{${renamed}} ${count}${exemplar ? exemplarText(exemplar) : ''}`;
};

/** A family of counters is named without `_total`; a unit has to be the end of the name, which ours are not. */
const commentLine = (kind: string, name: string, text: string, counters: ReadonlySet<string>): string | undefined => {
  if (kind === 'UNIT') return undefined;
  const family = counters.has(name) ? name.slice(0, -'_total'.length) : name;
  return `# ${kind} ${family} ${kind === 'HELP' ? text.replaceAll('"', '\\"') : text}`;
};

/** Writes Prometheus' text format anew as OpenMetrics, with the exemplars that the older format has no place for. */
export const openMetricsOf = (text: string, exemplarOf: ExemplarOf): string => {
  const lines = text.split('\n').filter((line) => line !== '' && line !== '# no registered metrics');
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\w+_total) counter$/.exec(line)?.[1] ?? []));
  const written = lines.flatMap((line) => {
    const [isComment, kind = '', name = '', rest = ''] = COMMENT.exec(line) ?? [];
    if (isComment !== undefined) return commentLine(kind, name, rest, counters) ?? [];
    return BUCKET.test(line) ? bucketLine(line, exemplarOf) : line;
  });
  return [...written, '# EOF', ''].join('\n');
};

/** Says whether a scraper that sent this `accept` takes OpenMetrics: Prometheus names it before the text format. */
export const wantsOpenMetrics = (accept: string | undefined): boolean =>
  accept
    ?.split(',')
    .some((one) => /^\s*application\/openmetrics-text\b/.test(one) && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(one)) ?? false;
