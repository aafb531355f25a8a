import { INSTRUMENTS, type InstrumentFacts } from '@fornax/base';
import { prometheusName } from './names.js';

type Name = keyof typeof INSTRUMENTS;

const HEAD = `# Metrics

Made from the catalogue in \`libs/base/src/telemetry/catalogue.ts\`, which holds every metric there is (\`UPDATE_GENERATED=1\` writes this page).

Names, units and kinds follow OpenTelemetry's conventions; \`/metrics\` shows them with underscores, and counters with \`_total\`. A histogram has \`_bucket\`, \`_sum\` and \`_count\`. With
\`FORNAX_OTLP_ENDPOINT\` the same are pushed to a collector. Labels have few values: never an id, a name or anything else that a user chose.

| metric | in Prometheus | kind | unit | from | meaning | labels |
| --- | --- | --- | --- | --- | --- | --- |
`;

const labelsOf = ({ labels }: InstrumentFacts): string =>
  Object.entries(labels)
    .map(([name, meaning]) => `\`${name.replaceAll('.', '_')}\`: ${meaning}`)
    .join('; ');

const rowOf = (name: Name): string => {
  const facts: InstrumentFacts = INSTRUMENTS[name];
  const cells = [`\`${name}\``, `\`${prometheusName(name)}\``, facts.kind, `\`${facts.unit}\``, facts.from];
  return `| ${[...cells, facts.description, labelsOf(facts)].join(' | ')} |\n`;
};

/** Writes the page of the documentation that lists all metrics. */
export const metricsPage = (): string => HEAD + (Object.keys(INSTRUMENTS) as Name[]).sort().map(rowOf).join('');
