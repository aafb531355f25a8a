import { logsRequestOf } from './log-record.js';
import { counterOf } from './metrics.js';

export interface LogPushOptions {
  /** Of the collector, with `/v1/logs`. */
  readonly url: string;
  /** `service.name`. */
  readonly service: string;
  readonly everyMs?: number;
}

/** Lines that wait for a collector that is away are held up to this: it is memory of the process. */
const MOST_BYTES = 4_000_000;
const MOST_LINES_AT_ONCE = 1_000;
const TIMEOUT_MS = 5_000;

/** What may be tried again (OTLP/HTTP): the collector is away or has too much to do. */
const isPassing = (status: number): boolean => status === 429 || status === 502 || status === 503 || status === 504;

/**
 * Sends log lines to a collector (OTLP over HTTP with JSON), so that they join the spans there. A copy: nothing waits for it, and what it cannot send is
 * counted and left out. Lines stay where the process writes them.
 */
export class LogPush {
  readonly #unsent = counterOf('fornax.logs.unsent');
  #lines: string[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: LogPushOptions) {}

  /** Keeps a line for the next request. */
  take(line: string): void {
    if (this.#bytes + line.length > MOST_BYTES) return this.#unsent.add(1);
    this.#lines.push(line);
    this.#bytes += line.length;
    this.#timer ??= setTimeout(() => this.flush(), this.options.everyMs ?? 1_000).unref();
  }

  /** Sends what there is, once; what is left is given up. */
  async close(): Promise<void> {
    this.flush();
    await this.#sending;
    clearTimeout(this.#timer);
  }

  private flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#sending.then(() => this.sendAll());
  }

  private async sendAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#lines.splice(0, MOST_LINES_AT_ONCE);
      const sent = await this.send(lines);
      if (sent === 'again') {
        this.#lines.unshift(...lines);
        this.#timer ??= setTimeout(() => this.flush(), this.options.everyMs ?? 1_000).unref();
        return;
      }
      for (const line of lines) this.#bytes -= line.length;
      if (sent === 'refused') this.#unsent.add(lines.length);
    }
  }

  private async send(lines: readonly string[]): Promise<'taken' | 'refused' | 'again'> {
    try {
      const response = await fetch(this.options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(logsRequestOf(this.options.service, lines)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      if (response.ok) return 'taken';
      return isPassing(response.status) ? 'again' : 'refused';
    } catch {
      return 'again';
    }
  }
}
