import {
  metrics,
  type Meter,
  type ObservableCallback,
  type ObservableResult,
  type SpanContext,
} from '@opentelemetry/api';
import { INSTRUMENTS, type LabelsOf, type NameOf } from './catalogue.js';
import { Exemplars } from './exemplars.js';

const METER = 'fornax';
const DURATION_BUCKETS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200,
];

/** Of all histograms of this process. */
export const exemplars = new Exemplars(DURATION_BUCKETS_S);

/** Makes an instrument when it is used first, and again when telemetry has started since: code is loaded before that. */
const whenUsed = <T>(make: (meter: Meter) => T): (() => T) => {
  let made: { readonly by: unknown; readonly instrument: T } | undefined;
  return () => {
    const by = metrics.getMeterProvider();
    if (made?.by !== by) made = { by, instrument: make(metrics.getMeter(METER)) };
    return made.instrument;
  };
};

const optionsOf = (name: keyof typeof INSTRUMENTS): { description: string; unit: string } => {
  const { description, unit } = INSTRUMENTS[name];
  return { description, unit };
};

export interface Count<Name extends NameOf<'counter'> = NameOf<'counter'>> {
  add(count: number, labels?: LabelsOf<Name>): void;
}

/** Returns a counter of the catalogue. */
export const counterOf = <Name extends NameOf<'counter'>>(name: Name): Count<Name> => {
  const counter = whenUsed((meter) => meter.createCounter(name, optionsOf(name)));
  return { add: (count, labels) => counter().add(count, { ...labels }) };
};

/**
 * Returns a counter that shows 0 under these labels from now on. Without, its first value comes out of nothing, which no rate or increase sees: for
 * counters that somebody is woken up by. Call it after telemetry has started.
 */
export const countedFromZero = <Name extends NameOf<'counter'>>(
  name: Name,
  labels: readonly LabelsOf<Name>[],
): Count<Name> => {
  const counter = counterOf(name);
  for (const each of labels) counter.add(0, each);
  return counter;
};

export interface Durations<Name extends NameOf<'histogram'> = NameOf<'histogram'>> {
  /**
   * @param seconds never milliseconds
   * @param span in which it was measured, for the exemplar; the active one when absent
   */
  record(seconds: number, labels?: LabelsOf<Name>, span?: SpanContext): void;
}

/** Returns a histogram of durations of the catalogue; all have the same bounds. */
export const durationsOf = <Name extends NameOf<'histogram'>>(name: Name): Durations<Name> => {
  const histogram = whenUsed((meter) =>
    meter.createHistogram(name, {
      ...optionsOf(name),
      advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
    }),
  );
  return {
    record: (seconds, labels, span) => {
      histogram().record(seconds, { ...labels });
      exemplars.offer(name, seconds, { ...labels }, span);
    },
  };
};

/** Tells one value of a metric that is asked for. */
export interface Told<Name extends NameOf<'gauge' | 'counter'>> {
  observe(value: number, labels?: LabelsOf<Name>): void;
}

const toldTo =
  <Name extends NameOf<'gauge' | 'counter'>>(
    observe: (result: Told<Name>) => void | Promise<void>,
  ): ObservableCallback =>
  (result: ObservableResult) =>
    observe({ observe: (value, labels) => result.observe(value, { ...labels }) });

/** Asks for the value of a gauge of the catalogue whenever metrics are read. Call it after telemetry has started. @returns how to stop */
export const observeGauge = <Name extends NameOf<'gauge'>>(
  name: Name,
  observe: (result: Told<Name>) => void | Promise<void>,
): (() => void) => {
  const callback = toldTo(observe);
  const gauge = metrics.getMeter(METER).createObservableGauge(name, optionsOf(name));
  gauge.addCallback(callback);
  return () => gauge.removeCallback(callback);
};

/** Asks for the sum of a counter of the catalogue whenever metrics are read. Call it after telemetry has started. */
export const observeCounter = <Name extends NameOf<'counter'>>(
  name: Name,
  observe: (result: Told<Name>) => void | Promise<void>,
): void => {
  metrics.getMeter(METER).createObservableCounter(name, optionsOf(name)).addCallback(toldTo(observe));
};
