import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ObjectBytes } from './object-store.js';

/** Sends content to another stream and ends it, the way that costs the store least. */
export const sendBytes = (bytes: ObjectBytes, to: Writable): Promise<void> =>
  bytes.sendTo ? bytes.sendTo(to) : pipeline(bytes, to);
