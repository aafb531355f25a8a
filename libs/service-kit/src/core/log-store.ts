import { Inject, Injectable } from '@nestjs/common';
import { HealthRegistry } from './health.registry.js';
import type { MonotonicClock } from '@fornax/base';
import { MONOTONIC_CLOCK } from './tokens.js';

/** A commit that the store has acknowledged, and when, by the monotonic clock. */
export interface Acknowledged {
  readonly sequence: number;
  readonly atMs: number;
}

/**
 * What the server said last about storing this process's commits. A refusal keeps the process from being ready until a commit is stored, or the
 * server is another one. A nats-server that could not write to a stream goes on to refuse after there is room again, until it is started again, and
 * none of its answers about the stream says so (2.15.2, measured): only a write tells. So whoever asks for one is let through, and finds out.
 */
@Injectable()
export class LogStore {
  private reason: string | undefined;
  private acknowledged: Acknowledged | undefined;

  constructor(
    health: HealthRegistry,
    @Inject(MONOTONIC_CLOCK) private readonly clock: MonotonicClock,
  ) {
    health.readiness('log store', () =>
      this.reason === undefined
        ? undefined
        : `the event log cannot be written, its store refuses messages (${this.reason}). Make room on the disk of the NATS server, then start ` +
          'that server again: it refuses until then. The launcher does so by itself with its own server',
    );
  }

  /** The last commit that was stored; undefined while nothing was, and since something has failed. */
  get lastAcknowledged(): Acknowledged | undefined {
    return this.acknowledged;
  }

  refused(reason: string): void {
    this.reason = reason;
    this.acknowledged = undefined;
  }

  /** A commit was not stored, or nobody answered for it. */
  failed(): void {
    this.acknowledged = undefined;
  }

  /** The server may be another one, or was started again. */
  reconnected(): void {
    this.reason = undefined;
    this.acknowledged = undefined;
  }

  accepted(sequence: number): void {
    this.reason = undefined;
    this.acknowledged = { sequence, atMs: this.clock.elapsed() };
  }
}
