import type { TailPiece } from '@fornax/output/specs';

export interface TailEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: TailPiece & { readonly reason?: string; readonly state?: string };
}

const parsed = (block: string): readonly TailEvent[] => {
  const field = (name: string): string | undefined =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field('data');
  return data === undefined
    ? []
    : [{ type: field('event') ?? 'message', id: field('id'), data: JSON.parse(data) as TailEvent['data'] }];
};

/** One connection to a tail. */
export class TailReader {
  readonly #gone = new AbortController();
  readonly #events: TailEvent[] = [];
  #lastId: string | undefined;
  #isOver = false;
  #wake: () => void = () => undefined;

  /** Connects and reads on by itself. */
  static async open(url: string, token: string, lastEventId?: string): Promise<TailReader> {
    const reader = new TailReader();
    const response = await fetch(url, {
      headers: { authorization: token, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) },
      signal: reader.#gone.signal,
    });
    if (response.status !== 200 || !response.body) throw new Error(`${response.status} ${await response.text()}`);
    void reader.#read(response.body).catch(() => undefined);
    return reader;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const bytes of body) {
        text += decoder.decode(bytes, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        this.#events.push(...blocks.flatMap(parsed));
        this.#wake();
      }
    } finally {
      this.#isOver = true;
      this.#wake();
    }
  }

  /** The next event, waited for. @throws Error the connection has ended */
  async next(): Promise<TailEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event) {
        this.#lastId = event.id ?? this.#lastId;
        return event;
      }
      if (this.#isOver) throw new Error('the tail has ended');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Events up to and with the first that fits. */
  async until(isLast: (event: TailEvent) => boolean): Promise<readonly TailEvent[]> {
    const events: TailEvent[] = [];
    for (;;) {
      const event = await this.next();
      events.push(event);
      if (isLast(event)) return events;
    }
  }

  get lastId(): string | undefined {
    return this.#lastId;
  }

  close(): void {
    this.#gone.abort();
  }
}

/** The bytes of pieces, one behind the other. */
export const bytesOf = (events: readonly TailEvent[]): Buffer =>
  Buffer.concat(
    events
      .filter(({ type }) => type === 'message')
      .map(({ data }) => (data.text === undefined ? Buffer.from(data.base64 ?? '', 'base64') : Buffer.from(data.text))),
  );
