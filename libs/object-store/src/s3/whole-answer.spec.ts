import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { ReadBrokeOff } from '../port/object-store.js';
import { wholeAnswer } from './whole-answer.js';

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
