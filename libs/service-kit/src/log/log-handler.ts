import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { LogContext } from './log-context.js';

/** Transport id of JetStreamStrategy. */
export const LOG_TRANSPORT = Symbol('fornax.log');

/** Where a handler of the log begins when the process starts. */
export type LogHandlerStart =
  /** After the last batch it finished, kept in `projection_checkpoint` of `service` under the handler's name. A batch may come twice. */
  | { readonly from: 'checkpoint'; readonly service: string }
  /** From the beginning of the log, every time: for views in memory. */
  | { readonly from: 'start' }
  /** After what is there now. */
  | { readonly from: 'now' };

export type LogHandlerOptions = {
  /** Unique in the process. */
  readonly name: string;
  readonly aggregates?: readonly Aggregate[];
  /** Of those, only the commits that it says yes to. Default: all. */
  readonly wants?: (commit: RecordedCommit) => boolean;
  readonly maxBatch?: number;
} & LogHandlerStart;

/** What a method decorated with LogHandler looks like. */
export type LogHandlerMethod = (batch: readonly RecordedCommit[], context: LogContext) => Promise<void>;

/**
 * A class that follows the event log with its {@link LogHandler} methods. It has no routes; it stands among a module's `controllers` because
 * Nest looks for handlers of messages nowhere else.
 */
export const LogFollower = (): ClassDecorator => Controller();

/**
 * A method of a {@link LogFollower} that follows the event log: `(batch: readonly RecordedCommit[], context: LogContext)`. Batches come
 * in order and never overlap; one whose handler throws is tried again with backoff, never skipped.
 */
export const LogHandler =
  (options: LogHandlerOptions) =>
  <T extends LogHandlerMethod>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void => {
    const decorate = EventPattern<Record<string, unknown>>(`log:${options.name}`, LOG_TRANSPORT, {
      logHandler: options,
    });
    Reflect.apply(decorate, undefined, [target, key, descriptor]);
  };
