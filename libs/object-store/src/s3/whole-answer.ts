import type { Readable } from 'node:stream';
import { type Place, ReadBrokeOff } from '../port/object-store.js';

/**
 * The bytes of an answer, all of them: one that ends before `sizeBytes` have come says so with the name of the object, whether the service closed the
 * connection or only stopped. Whoever stops reading ends the answer.
 * @throws ReadBrokeOff
 */
export async function* wholeAnswer(answer: Readable, place: Place, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterator<unknown> = answer[Symbol.asyncIterator]();
  let got = 0;
  // Only what the service does is caught, not what the reader throws in here when it leaves.
  const next = async (): Promise<IteratorResult<unknown>> => {
    try {
      return await chunks.next();
    } catch (cause) {
      throw new ReadBrokeOff(place, got, sizeBytes, { cause });
    }
  };
  try {
    for (let chunk = await next(); chunk.done !== true; chunk = await next()) {
      if (!(chunk.value instanceof Uint8Array)) continue;
      got += chunk.value.byteLength;
      yield chunk.value;
    }
    if (got < sizeBytes) throw new ReadBrokeOff(place, got, sizeBytes);
  } finally {
    answer.destroy();
  }
}
