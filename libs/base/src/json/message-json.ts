import type { MessageBounds } from '@fornax/contracts';
import { scanJson } from './json-scan.js';

/** A message is larger, deeper or fuller than anything that an honest sender says there. */
export class MessageTooLarge extends Error {
  constructor(problem: string) {
    super(`the message ${problem}`);
    this.name = 'MessageTooLarge';
  }
}

const decoder = new TextDecoder();

/**
 * What a message says as JSON. One that is beyond its bounds is not parsed: eight megabytes of empty objects take seconds, and whoever may send one
 * may send a thousand.
 * @throws MessageTooLarge it is beyond its bounds
 * @throws SyntaxError it is no JSON
 */
export const parseMessage = (data: Uint8Array, bounds: MessageBounds): unknown => {
  if (data.length > bounds.sizeBytes)
    throw new MessageTooLarge(`has ${data.length} bytes, more than ${bounds.sizeBytes}`);
  const problem = scanJson(data, bounds);
  if (problem !== undefined) throw new MessageTooLarge(problem);
  return JSON.parse(decoder.decode(data));
};

/** Under which reason a message is dropped that was not read because of that error. */
export const refusalOf = (error: unknown): 'too-large' | 'unreadable' =>
  error instanceof MessageTooLarge ? 'too-large' : 'unreadable';
