type AttributeValue =
  { readonly stringValue: string } | { readonly doubleValue: number } | { readonly boolValue: boolean };

/** A log line as OTLP's JSON encoding has it. */
export interface LogRecord {
  readonly timeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly { readonly key: string; readonly value: AttributeValue }[];
  readonly traceId?: string;
  readonly spanId?: string;
}

/** OpenTelemetry's numbers of pino's levels. */
const SEVERITIES: Readonly<Record<string, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };
/** Said in a place of their own. */
const NAMED: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'service', 'trace_id', 'span_id']);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const valueOf = (value: unknown): AttributeValue => {
  if (typeof value === 'number') return { doubleValue: value };
  return typeof value === 'boolean' ? { boolValue: value } : { stringValue: textOf(value) };
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parsed = (line: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : { msg: line };
  } catch {
    return { msg: line };
  }
};

const idIn = (value: unknown, pattern: RegExp): string | undefined =>
  typeof value === 'string' && pattern.test(value) ? value : undefined;

/** Reads one line of a logger as a record, with the ids of the span in which it was written. */
export const logRecordOf = (line: string): LogRecord => {
  const { level, time, msg, trace_id, span_id, ...rest } = parsed(line);
  const severityText = typeof level === 'string' ? level : 'info';
  const at = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  const traceId = idIn(trace_id, /^[0-9a-f]{32}$/);
  const spanId = idIn(span_id, /^[0-9a-f]{16}$/);
  return {
    timeUnixNano: Number.isNaN(at) ? '0' : `${at}000000`,
    severityNumber: SEVERITIES[severityText] ?? 0,
    severityText,
    body: { stringValue: textOf(msg ?? '') },
    attributes: Object.entries(rest)
      .filter(([key, value]) => !NAMED.has(key) && value !== undefined)
      .map(([key, value]) => ({ key, value: valueOf(value) })),
    ...(traceId === undefined ? {} : { traceId }),
    ...(spanId === undefined ? {} : { spanId }),
  };
};

/** The body of an ExportLogsServiceRequest of one process (opentelemetry-proto 1.x). */
export const logsRequestOf = (service: string, lines: readonly string[]): object => ({
  resourceLogs: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeLogs: [{ scope: { name: 'fornax' }, logRecords: lines.map(logRecordOf) }],
    },
  ],
});
