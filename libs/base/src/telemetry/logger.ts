import { isSpanContextValid, trace } from '@opentelemetry/api';
import { destination, pino, type DestinationStream, type Logger } from 'pino';

/** Where each line goes besides standard output. */
let sink: ((line: string) => void) | undefined;

/** Hands each line of all loggers of the process to somebody else as well, as it is written: nothing secret is in it. */
export const copyLines = (to: (line: string) => void): void => {
  sink = to;
};

const CENSORED = '[redacted]';
/** Names under which a secret could reach a log line, at the top or one level down. */
const SECRET_NAMES = [
  'authorization',
  'token',
  'secret',
  'password',
  'masterKey',
  'secretKey',
  'sessionToken',
  'secrets',
  'cookie',
];

/** Lines that a full disk does not take are held up to this, then dropped. */
const HELD_BYTES = 1_000_000;

/**
 * Standard output that never ends the process: it is a file of a disk that may be full, or a pipe that may be closed. What cannot be written is
 * lost, and said once there is room again.
 */
const openOutput = (): DestinationStream => {
  const output = destination({ fd: 1, sync: true, maxLength: HELD_BYTES });
  output.on('error', () => undefined);
  return output;
};

/** Structured logs on standard output, with the ids of the active span; never a token or a secret. */
export const createLogger = (service: string, level: string, to?: DestinationStream): Logger => {
  const options = {
    level,
    base: { service },
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: CENSORED },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: () => {
      const span = trace.getActiveSpan()?.spanContext();
      return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
    },
  };
  const output = to ?? openOutput();
  const write = (line: string): void => {
    output.write(line);
    sink?.(line);
  };
  return pino(options, { write });
};

export type { Logger };
