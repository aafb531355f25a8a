import type { Readable, Writable } from 'node:stream';
import { discard } from '../bytes/discard.js';
import { gone } from '../bytes/gone.js';
import { PulledBytes } from '../bytes/pulled-bytes.js';
import { type ObjectBytes, type Place, ReadBrokeOff } from '../port/object-store.js';

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

/**
 * Sends all of an answer and ends the other stream: piece by piece as the network brings them, with nothing in between, and each is let go when it has left.
 * @throws ReadBrokeOff; with the code of a pipeline that was cut off when the other end is gone
 */
export const sendAnswer = async (answer: Readable, place: Place, sizeBytes: number, to: Writable): Promise<void> => {
  const sent = Promise.withResolvers<void>();
  let got = 0;
  const onGone = (): void => sent.reject(gone());
  const onDrain = (): void => void answer.resume();
  let hasEnded = false;
  const brokeOff = (cause?: unknown): void => {
    // Every answer is closed in the end, and an error costs a stack trace.
    if (!hasEnded) sent.reject(new ReadBrokeOff(place, got, sizeBytes, { cause }));
    hasEnded = true;
  };
  to.once('close', onGone).on('drain', onDrain);
  answer
    .once('error', brokeOff)
    .once('close', brokeOff)
    .once('end', () => {
      if (got < sizeBytes) return brokeOff();
      hasEnded = true;
      sent.resolve();
    })
    .on('data', (chunk: Uint8Array) => {
      got += chunk.byteLength;
      if (!to.write(chunk, () => discard(chunk))) answer.pause();
    });
  // One that is gone already says nothing any more.
  if (to.destroyed) onGone();
  try {
    await sent.promise;
    to.end();
  } finally {
    to.off('close', onGone).off('drain', onDrain);
    answer.destroy();
  }
};

/** The bytes of an answer: a stream like any other, which knows a way without one to whoever only passes it on. */
class AnswerBytes extends PulledBytes implements ObjectBytes {
  constructor(
    private readonly answer: Readable,
    private readonly place: Place,
    private readonly sizeBytes: number,
  ) {
    super();
  }

  protected override chunks(): AsyncGenerator<Uint8Array> {
    return wholeAnswer(this.answer, this.place, this.sizeBytes);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.answer.destroy();
    callback(error);
  }

  sendTo(to: Writable): Promise<void> {
    return sendAnswer(this.answer, this.place, this.sizeBytes, to);
  }
}

/** The bytes of an answer, to be read or sent on. */
export const bytesOfAnswer = (answer: Readable, place: Place, sizeBytes: number): ObjectBytes =>
  new AnswerBytes(answer, place, sizeBytes);
