import { describe, expect, it } from '@jest/globals';
import { TraceFlags, type SpanContext } from '@opentelemetry/api';
import { Exemplars } from './exemplars.js';
import { openMetricsOf, wantsOpenMetrics } from './open-metrics.js';

const aSpan = (traceFlags = TraceFlags.SAMPLED, traceId = 'a'.repeat(32)): SpanContext => ({
  traceId,
  spanId: 'b'.repeat(16),
  traceFlags,
});

const kept = (...offers: readonly (readonly [seconds: number, labels: object, span: SpanContext])[]): Exemplars => {
  const exemplars = new Exemplars([0.25, 1], () => 1_500);
  for (const [seconds, labels, span] of offers) exemplars.offer('some.duration', seconds, { ...labels }, span);
  return exemplars;
};

const TEXT = [
  '# HELP some_duration How "long"',
  '# UNIT some_duration s',
  '# TYPE some_duration histogram',
  'some_duration_count{http_route="/a\\"b"} 2',
  'some_duration_sum{http_route="/a\\"b"} 1.5',
  'some_duration_bucket{http_route="/a\\"b",le="0.25"} 1',
  'some_duration_bucket{http_route="/a\\"b",le="1"} 1',
  'some_duration_bucket{http_route="/a\\"b",le="+Inf"} 2',
  '',
  '# HELP things_total Things',
  '# TYPE things_total counter',
  'things_total 3',
].join('\n');

const written = (exemplars: Exemplars): readonly string[] =>
  openMetricsOf(TEXT, (series, bound) => exemplars.of(series, bound)).split('\n');

describe('metrics as OpenMetrics', () => {
  it('say what the text format says, in the words of that format', () => {
    expect(written(kept())).toEqual([
      '# HELP some_duration How \\"long\\"',
      '# TYPE some_duration histogram',
      'some_duration_count{http_route="/a\\"b"} 2',
      'some_duration_sum{http_route="/a\\"b"} 1.5',
      'some_duration_bucket{http_route="/a\\"b",le="0.25"} 1',
      'some_duration_bucket{http_route="/a\\"b",le="1.0"} 1',
      'some_duration_bucket{http_route="/a\\"b",le="+Inf"} 2',
      '# HELP things Things',
      '# TYPE things counter',
      'things_total 3',
      '# EOF',
      '',
    ]);
  });

  it('name a span in the bucket that its measurement fell into, the last one of each', () => {
    const labels = { 'http.route': '/a"b' };
    const last = 'c'.repeat(32);
    const lines = written(
      kept([0.1, labels, aSpan()], [0.25, labels, aSpan(TraceFlags.SAMPLED, last)], [7, labels, aSpan()]),
    );
    const ids = (trace: string): string => `{trace_id="${trace}",span_id="${'b'.repeat(16)}"}`;
    expect(lines.filter((line) => line.includes('_bucket'))).toEqual([
      `some_duration_bucket{http_route="/a\\"b",le="0.25"} 1 # ${ids(last)} 0.25 1.500`,
      'some_duration_bucket{http_route="/a\\"b",le="1.0"} 1',
      `some_duration_bucket{http_route="/a\\"b",le="+Inf"} 2 # ${ids('a'.repeat(32))} 7 1.500`,
    ]);
  });

  it('name no span that is not exported, and none of another series', () => {
    const lines = written(kept([0.1, { 'http.route': '/a"b' }, aSpan(TraceFlags.NONE)], [0.1, {}, aSpan()]));
    expect(lines.filter((line) => line.includes('trace_id'))).toEqual([]);
  });

  it('keep exemplars of so many series and no more', () => {
    const exemplars = new Exemplars([1]);
    for (let index = 0; index < 3_000; index += 1) exemplars.offer('d', 1, { index }, aSpan());
    const has = (index: number): boolean =>
      exemplars.of(JSON.stringify(['d', ['index', String(index)]]), 1) !== undefined;
    expect([has(0), has(1_999), has(2_000), has(2_999)]).toEqual([true, true, false, false]);
  });

  it.each([
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5',
      true,
    ],
    ['text/plain;version=0.0.4;q=1,*/*;q=0.1', false],
    ['application/openmetrics-text;q=0', false],
    [undefined, false],
  ])('are for who accepts them: %s', (accept, expected) => {
    expect(wantsOpenMetrics(accept)).toBe(expected);
  });
});
