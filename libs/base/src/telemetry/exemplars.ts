import { isSpanContextValid, trace, TraceFlags, type Attributes, type SpanContext } from '@opentelemetry/api';
import { seriesOf } from './series.js';

/** A measurement of a histogram, and the span in which it was made. */
export interface Exemplar {
  readonly value: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** As many series as OpenTelemetry keeps of one metric; what comes behind them has no exemplars. */
const MOST_SERIES = 2_000;

/** A span that nobody exports leads nowhere (OpenTelemetry's filter `trace_based`). */
const isExported = (span: SpanContext | undefined): span is SpanContext =>
  span !== undefined && isSpanContextValid(span) && (span.traceFlags & TraceFlags.SAMPLED) !== 0;

/**
 * The last measurement in each bucket of each histogram that was made in a sampled span. OpenTelemetry's JavaScript SDK keeps none. What is kept is
 * bounded by the labels of the catalogue and the bounds of the buckets.
 */
export class Exemplars {
  readonly #series = new Map<string, (Exemplar | undefined)[]>();

  constructor(
    private readonly bounds: readonly number[],
    private readonly nowMs: () => number = () => Date.now(),
  ) {}

  /** Keeps a measurement when a span that is exported is active, or is given. */
  offer(name: string, value: number, labels: Attributes, span = trace.getActiveSpan()?.spanContext()): void {
    if (!isExported(span)) return;
    const key = seriesOf(name, labels);
    let buckets = this.#series.get(key);
    if (!buckets) {
      if (this.#series.size >= MOST_SERIES) return;
      buckets = [];
      this.#series.set(key, buckets);
    }
    const { traceId, spanId } = span;
    buckets[this.bucketOf(value)] = { value, traceId, spanId, atMs: this.nowMs() };
  }

  /** @param bound the upper bound of the bucket; Infinity for the last one */
  of(series: string, bound: number): Exemplar | undefined {
    return this.#series.get(series)?.[this.bucketOf(bound)];
  }

  private bucketOf(value: number): number {
    const index = this.bounds.findIndex((bound) => value <= bound);
    return index < 0 ? this.bounds.length : index;
  }
}
