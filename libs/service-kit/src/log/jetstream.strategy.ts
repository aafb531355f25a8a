import { isObservable, lastValueFrom } from 'rxjs';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { AGGREGATES, STREAMS, type Aggregate, type RecordedCommit } from '@fornax/contracts';
import {
  reasonOf,
  type AggregateStopped,
  type EventLog,
  type Quarantine,
  type QuarantineEntry,
} from '@fornax/event-store';
import type { DataSource } from 'typeorm';
import { loadCheckpoint, storeCheckpoint } from '../database/checkpoint.js';
import { inSpan, delay } from '@fornax/base';
import type { HealthRegistry } from '../core/health.registry.js';
import { LogContext } from './log-context.js';
import { LOG_TRANSPORT, type LogHandlerOptions } from './log-handler.js';
import { StoppedOf } from './stopped-of.js';

/** Handlers are safe to repeat, so losing a second of progress in a crash costs less than a write for every batch. */
const REMEMBER_EVERY_MS = 1_000;
/** Commits that a handler does not want and that may be read again after a crash. */
const UNSAVED_PROGRESS = 5_000;
const AGAIN_MS = 1_000;

export interface JetStreamStrategyParts {
  readonly log: EventLog;
  /** The database of a service, for handlers that start from their checkpoint. */
  readonly databaseOf: (service: string) => DataSource;
  readonly quarantine: Quarantine;
  readonly health: HealthRegistry;
  /** Told before a batch, or the log itself, is tried again. */
  readonly onError: (handler: string, error: unknown) => void;
  /** Told whenever it goes on, also when nothing was wrong. */
  readonly onWorking: (handler: string) => void;
  /** Called with a commit that is skipped until an operator has decided about another aggregate. */
  readonly onPassedOver: (handler: string, commit: Place, other: AggregateStopped) => void;
  /** A subscription ended although nobody stopped it. */
  readonly onFailure: (handler: string, error: unknown) => void;
}

const isLogHandlerOptions = (value: unknown): value is LogHandlerOptions =>
  typeof value === 'object' && value !== null && 'name' in value && 'from' in value;

/** Nest transport strategy for the event log: one subscription for each @LogHandler. */
export class JetStreamStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = LOG_TRANSPORT;
  /** The log retries a batch, so it must learn about the failure. */
  override readonly propagatesEventHandlerErrors = true;
  private readonly stop = new AbortController();
  private running: readonly Promise<void>[] = [];

  constructor(private readonly parts: JetStreamStrategyParts) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    this.running = [...this.messageHandlers].map(async ([pattern, handler]) => {
      const options: unknown = handler.extras?.['logHandler'];
      if (!isLogHandlerOptions(options)) throw new Error(`${pattern} is not a log handler`);
      await this.follow(options, handler).catch((error: unknown) => {
        if (!this.stop.signal.aborted) this.parts.onFailure(options.name, error);
      });
    });
    callback();
  }

  async close(): Promise<void> {
    this.stop.abort();
    await Promise.allSettled(this.running);
  }

  on(): void {
    throw new Error('the log has no client events');
  }

  unwrap<T>(): T {
    throw new Error('inject EVENT_LOG instead');
  }

  private async follow(options: LogHandlerOptions, handler: MessageHandler): Promise<void> {
    const from = await this.startOf(options);
    const { aggregates, maxBatch, name, wants } = options;
    const tell = this.parts.health.follower(`log handler ${name}`);
    const stopped = new StoppedOf(name, this.parts.quarantine, (commit, other) =>
      this.parts.onPassedOver(name, commit, other),
    );
    if (options.from === 'checkpoint') stopped.restore();
    let rememberedAt = Number.NEGATIVE_INFINITY;
    let position = from - 1;
    let remembered = position;
    const remember = async (sequence: number): Promise<void> => {
      // Before the answer: nobody begins a second one meanwhile.
      remembered = sequence;
      await this.remember(options, sequence);
    };
    const inTurn = oneAtATime();
    const takeUpAt = (place: Place): void => {
      const work = () => stopped.takeUp(this.parts.log, place, position, (part) => this.handle(name, handler, part));
      void this.untilDone(name, () => inTurn(work));
    };
    const takeUp = (entry: QuarantineEntry): void => {
      const { aggregate, aggregateId } = entry.what;
      const isDecided = entry.state === 'dropped' || entry.state === 'retried';
      if (isDecided && aggregate !== null && aggregateId !== null)
        for (const waiting of stopped.releaseWaitingFor({ aggregate, aggregateId })) takeUpAt(waiting);
      const place = placeToTakeUp(entry, options);
      // What comes later is handed over in its turn anyway.
      if (place !== undefined && (options.from !== 'now' || place.sequence >= from)) takeUpAt(place);
    };
    const stopListening = this.parts.quarantine.onChange(takeUp);
    this.stop.signal.addEventListener('abort', stopListening, { once: true });
    for (const entry of this.parts.quarantine.list()) if (entry.state === 'retrying') takeUp(entry);
    await this.parts.log.subscribe(
      {
        from,
        signal: this.stop.signal,
        ...(aggregates ? { aggregates } : {}),
        ...(wants ? { wants } : {}),
        ...(maxBatch === undefined ? {} : { maxBatch }),
        onProgress: (sequence) => {
          position = Math.max(position, sequence);
          tell(undefined);
          this.parts.onWorking(name);
          if (sequence - remembered <= UNSAVED_PROGRESS) return;
          remember(sequence).catch((error: unknown) => this.parts.onError(name, error));
        },
        onError: (error) => {
          tell(reasonOf(error));
          this.parts.onError(name, error);
        },
      },
      async (batch) => {
        await inSpan(`log ${name}`, { kind: 'consumer', parent: batch[0]?.meta.traceparent }, () =>
          inTurn(async () => {
            await stopped.handle(batch, (part) => this.handle(name, handler, part));
            position = Math.max(position, batch.at(-1)?.sequence ?? 0);
          }),
        );
        if (performance.now() - rememberedAt < REMEMBER_EVERY_MS) return;
        await remember(batch.at(-1)?.sequence ?? 0);
        rememberedAt = performance.now();
      },
    );
    // The next start goes on here, and need not read again what was handled, which may have left the log by then.
    if (position > remembered) await remember(position).catch((error: unknown) => this.parts.onError(name, error));
  }

  private async handle(name: string, handler: MessageHandler, batch: readonly RecordedCommit[]): Promise<void> {
    const result: unknown = await handler(batch, new LogContext(name, batch.at(-1)?.sequence ?? 0));
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }

  private async untilDone(name: string, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.parts.onError(name, error);
        await delay(AGAIN_MS, signal);
      }
    }
  }

  private async startOf(options: LogHandlerOptions): Promise<number> {
    switch (options.from) {
      case 'start':
        return 1;
      case 'now':
        return (await this.parts.log.head()).sequence + 1;
      case 'checkpoint': {
        const { epoch } = await this.parts.log.head();
        const checkpoint = await loadCheckpoint(this.parts.databaseOf(options.service), options.name);
        // Another log (wiped, or restored elsewhere) is read from its beginning: handlers are safe to repeat.
        return checkpoint?.epoch === epoch ? checkpoint.sequence + 1 : 1;
      }
    }
  }

  private async remember(options: LogHandlerOptions, sequence: number): Promise<void> {
    if (options.from !== 'checkpoint') return;
    const { epoch } = await this.parts.log.head();
    await storeCheckpoint(this.parts.databaseOf(options.service), options.name, { epoch, sequence });
  }
}

/** Begins each work when the one before it is over, however that went. */
const oneAtATime = (): ((work: () => Promise<void>) => Promise<void>) => {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

interface Place {
  readonly aggregate: Aggregate;
  readonly aggregateId: string;
  readonly sequence: number;
}

/** What this handler receives again after an operator's retry: an aggregate at which it has stopped, or a message that could not be decoded. */
const placeToTakeUp = ({ what, state }: QuarantineEntry, options: LogHandlerOptions): Place | undefined => {
  const isMeant =
    what.kind === 'stopped'
      ? state === 'retrying' && what.follower === options.name
      : state === 'retried' && what.stream === STREAMS.events && what.damage === undefined;
  const aggregate = (options.aggregates ?? AGGREGATES).find((known) => known === what.aggregate);
  if (!isMeant || aggregate === undefined || what.aggregateId === null) return undefined;
  return { aggregate, aggregateId: what.aggregateId, sequence: what.sequence };
};
