/** One message of a stream of Server-Sent Events. */
export interface SseMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Reads a stream as an EventSource does, with what is asked of it to be seen. */
export interface SseReader {
  readonly status: number;
  readonly messages: readonly SseMessage[];
  readonly comments: readonly string[];
  /** The id to come back with. */
  readonly lastId: string;
  readonly isOver: boolean;
  close(): void;
}

export const followSse = async (url: string, headers: Readonly<Record<string, string>>): Promise<SseReader> => {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  const messages: SseMessage[] = [];
  const comments: string[] = [];
  let lastId = headers['last-event-id'] ?? '';
  let isOver = false;

  /** One block between two empty lines; an id counts although nothing else is said (WHATWG HTML, 9.2.6). */
  const take = (block: string): void => {
    let event = '';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const [field = '', value = ''] = [
        line.slice(0, line.indexOf(':')),
        line.slice(line.indexOf(':') + 1).trimStart(),
      ];
      if (field === '') comments.push(value);
      else if (field === 'id') lastId = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    if (data.length > 0) messages.push({ id: lastId, event, data: data.join('\n') });
  };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) take(block);
    }
  };
  if (response.status === 200)
    void read()
      .catch(() => undefined)
      .finally(() => (isOver = true));
  else stop.abort();
  return {
    status: response.status,
    messages,
    comments,
    get lastId() {
      return lastId;
    },
    get isOver() {
      return isOver;
    },
    close: () => stop.abort(),
  };
};
