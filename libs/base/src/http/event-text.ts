/** The text of Server-Sent Events (WHATWG HTML, section 9.2). Data is JSON, which has no line breaks; nor may ids, types and comments have any. */

/** One message. @param json its data; `event` is its type, `id` the place to go on behind it */
export const eventText = (
  json: string,
  { event, id }: { readonly event?: string; readonly id?: string | undefined } = {},
): string =>
  `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}data: ${json}\n\n`;

/** What a reader passes over; with an id, the place to go on behind it all the same. */
export const eventComment = (text: string, id?: string): string =>
  `: ${text}\n${id === undefined ? '' : `id: ${id}\n`}\n`;

/** How long a reader waits before it comes back. */
export const eventRetry = (afterMs: number): string => `retry: ${afterMs}\n\n`;
