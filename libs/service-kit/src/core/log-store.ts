import type { HealthRegistry } from './health.registry.js';

/**
 * What the server said last about storing commits: it keeps the process from being ready until a commit is stored, or the server is another one.
 * A nats-server that could not write to a stream goes on to refuse after there is room again, until it is started again, and none of its answers
 * about the stream says so (2.15.2, measured): only a write tells. So whoever asks for one is let through, and finds out.
 */
export class LogStore {
  private reason: string | undefined;

  constructor(health: HealthRegistry) {
    health.readiness('log store', () =>
      this.reason === undefined
        ? undefined
        : `the event log cannot be written, its store refuses messages (${this.reason}). Make room on the disk of the NATS server, then start ` +
          'that server again: it refuses until then. The launcher does so by itself with its own server',
    );
  }

  refused(reason: string): void {
    this.reason = reason;
  }

  /** A commit was stored, or the server was started again. */
  accepted(): void {
    this.reason = undefined;
  }
}
