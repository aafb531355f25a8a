import type { Attributes } from '@opentelemetry/api';

const nameOf = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, '_');

/** The name of one series, the same for OpenTelemetry's names and those that Prometheus makes of them. */
export const seriesOf = (name: string, labels: Attributes): string => {
  const pairs = Object.entries(labels).map(([label, value]) => [nameOf(label), String(value)] as const);
  return JSON.stringify([nameOf(name), ...pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
};
