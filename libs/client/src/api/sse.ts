/** What stands between two empty lines of a stream of Server-Sent Events. */
export interface SseBlock {
  /** Absent when the block says nothing about it: then the one before stays. */
  readonly id: string | undefined;
  readonly event: string;
  /** Absent in a block that only moves the id, or is a comment. */
  readonly data: string | undefined;
}

const blockOf = (text: string): SseBlock => {
  let id: string | undefined;
  let event = 'message';
  const data: string[] = [];
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return { id, event, data: data.length === 0 ? undefined : data.join('\n') };
};

/** The blocks of a stream (WHATWG HTML, 9.2), as they come. What was cut off at its end is no block. */
export async function* readSse(response: Response): AsyncGenerator<SseBlock> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? '';
    yield* blocks.map(blockOf);
  }
}
