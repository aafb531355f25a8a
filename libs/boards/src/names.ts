import { INSTRUMENTS, type InstrumentFacts, type NameOf } from '@fornax/base';

type Name = NameOf<'counter' | 'gauge' | 'histogram'>;

/** Returns the name of a metric as Prometheus has it. Of a histogram it is the stem of `_bucket`, `_sum` and `_count`. */
export const prometheusName = (name: Name): string =>
  name.replaceAll('.', '_') + (INSTRUMENTS[name].kind === 'counter' ? '_total' : '');

const FACTS: ReadonlyMap<string, InstrumentFacts> = new Map(
  Object.entries<InstrumentFacts>(INSTRUMENTS).map(([name, facts]) => [prometheusName(name as Name), facts]),
);

/** The labels that the catalogue knows of a sample, by the name that Prometheus has of it; `le` of the buckets of histograms. */
export const labelsOf = (sample: string): readonly string[] => {
  const facts = FACTS.get(sample) ?? FACTS.get(sample.replace(/_(?:bucket|count|sum)$/, ''));
  const labels = Object.keys(facts?.labels ?? {}).map((label) => label.replaceAll('.', '_'));
  return facts?.kind === 'histogram' ? [...labels, 'le'] : labels;
};

/** The window of rates on the boards. */
const WINDOW = '5m';

const by = (labels: readonly string[]): string => (labels.length === 0 ? '' : ` by (${labels.join(', ')})`);

/** The sum of a gauge by labels. */
export const gauge = (name: NameOf<'gauge'>, ...labels: readonly string[]): string =>
  `sum${by(labels)} (${prometheusName(name)})`;

/** The same number that several processes tell, once. */
export const same = (name: NameOf<'gauge'>, ...labels: readonly string[]): string =>
  `max${by(labels)} (${prometheusName(name)})`;

/** How often a second, by labels. */
export const rate = (name: NameOf<'counter'>, ...labels: readonly string[]): string =>
  `sum${by(labels)} (rate(${prometheusName(name)}[${WINDOW}]))`;

/** How many of a histogram a second, by labels. */
export const rateOf = (name: NameOf<'histogram'>, ...labels: readonly string[]): string =>
  `sum${by(labels)} (rate(${prometheusName(name)}_count[${WINDOW}]))`;

/** A quantile of a histogram, by labels. */
export const quantile = (part: number, name: NameOf<'histogram'>, ...labels: readonly string[]): string =>
  `histogram_quantile(${part}, sum${by(['le', ...labels])} (rate(${prometheusName(name)}_bucket[${WINDOW}])))`;

/** How scrapers write a bound: `1` as text, `1.0` as OpenMetrics and in Prometheus 3. */
const bound = (seconds: string): string => (seconds.includes('.') ? `le="${seconds}"` : `le=~"${seconds}(\\\\.0)?"`);

/** The part of a histogram's measurements that took at most `seconds`, which has to be one of its bounds. */
export const within = (seconds: string, name: NameOf<'histogram'>, window: string): string =>
  `sum (rate(${prometheusName(name)}_bucket{${bound(seconds)}}[${window}])) / sum (rate(${prometheusName(name)}_count[${window}]))`;
