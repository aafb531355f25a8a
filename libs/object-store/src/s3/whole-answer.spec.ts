import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ReadBrokeOff } from '../port/object-store.js';
import { sendAnswer, wholeAnswer } from './whole-answer.js';

const place = { bucket: 'b', key: 'k' };
const read = async (answer: Readable, sizeBytes: number): Promise<string> => {
  let text = '';
  for await (const chunk of wholeAnswer(answer, place, sizeBytes)) text += Buffer.from(chunk).toString();
  return text;
};

describe('the answer of an object service', () => {
  it('is passed on as it comes', () =>
    expect(read(Readable.from([Buffer.from('ab'), Buffer.from('c')]), 3)).resolves.toBe('abc'));

  it('that ends too early names the object and how much came', () =>
    expect(read(Readable.from([Buffer.from('ab')]), 5)).rejects.toThrow(
      'object "k" of bucket "b" broke off: the object service sent 2 of 5 bytes',
    ));

  it('that fails keeps the cause', async () => {
    const cause = new Error('aborted');
    const answer = Readable.from(
      (async function* () {
        yield Buffer.from('ab');
        await Promise.resolve();
        throw cause;
      })(),
    );
    const error = await read(answer, 5).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(ReadBrokeOff);
    expect((error as Error).cause).toBe(cause);
  });

  it('is ended when its reader leaves, with the error of the reader', async () => {
    const answer = Readable.from([Buffer.from('ab'), Buffer.from('cd')]);
    const chunks = wholeAnswer(answer, place, 4);
    await chunks.next();
    await expect(chunks.throw(new Error('gone'))).rejects.toThrow('gone');
    expect(answer.destroyed).toBe(true);
  });
});

describe('the answer of an object service that is sent on', () => {
  const answerOf = (...chunks: readonly string[]): Readable => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  /** A writer that has read a chunk when it says so, as a connection has, and takes one at a time. */
  const slowReader = () => {
    const got: string[] = [];
    const to = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        got.push(chunk.toString());
        setImmediate(done);
      },
    });
    return { to, got };
  };

  it('comes whole, in order, as fast as its reader is', async () => {
    const { to, got } = slowReader();
    await sendAnswer(answerOf('ab', 'c', 'def'), place, 6, to);
    expect(got.join('')).toBe('abcdef');
    expect(to.writableEnded).toBe(true);
  });

  it('that ends too early, or fails, is never ended', async () => {
    const short = new PassThrough();
    await expect(sendAnswer(answerOf('ab'), place, 5, short)).rejects.toThrow('the object service sent 2 of 5 bytes');
    expect(short.writableEnded).toBe(false);
    const answer = new PassThrough();
    const failing = sendAnswer(answer, place, 5, new PassThrough());
    answer.destroy(new Error('aborted'));
    await expect(failing).rejects.toThrow(ReadBrokeOff);
    const closing = new PassThrough();
    const closed = sendAnswer(closing, place, 5, new PassThrough());
    closing.destroy();
    await expect(closed).rejects.toThrow(ReadBrokeOff);
  });

  it('is ended when its reader goes away, which is no failure of the service', async () => {
    const [answer, to] = [new PassThrough(), new PassThrough()];
    const sending = sendAnswer(answer, place, 5, to);
    to.destroy();
    await expect(sending).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(answer.destroyed).toBe(true);
    const late = new PassThrough();
    await expect(sendAnswer(late, place, 5, to)).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(late.destroyed).toBe(true);
  });
});
