import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ArchivedMessage, isSameMessage } from './archived-message.js';
import { type EncodedSegment, encodeSegment, openSegment, SegmentDamaged } from './segment.js';

const PREVIOUS = '0'.repeat(64);
const message = (sequence: number, data: Uint8Array = Buffer.from(`{"n":${sequence}}`)): ArchivedMessage => ({
  sequence,
  timeNs: 1_764_000_000_000_000_000n + BigInt(sequence),
  subject: `fx.ev.task.${sequence % 3}`,
  headers: [
    ['Nats-Msg-Id', `fx.ev.task.${sequence % 3}/${sequence}`],
    ['Fx-Checksum', 'a: b'],
  ],
  data,
});
const range = (from: number, to: number, missing: [number, number][] = []) => ({
  epoch: 'an-epoch',
  number: 1,
  previous: PREVIOUS,
  from,
  to,
  missing,
});
const readAll = async (bytes: Buffer): Promise<{ readonly messages: ArchivedMessage[]; readonly hash: string }> => {
  const messages: ArchivedMessage[] = [];
  const reading = openSegment(bytes).read();
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { messages, hash: next.value };
    messages.push(...next.value);
  }
};
/** Some frames long: random bytes are not packed. */
const some = (count: number): Promise<EncodedSegment> => {
  let state = 1;
  const noise = () => Uint8Array.from({ length: 20_000 }, () => (state = (state * 48_271) % 2_147_483_647) & 255);
  return encodeSegment(
    range(1, count),
    Array.from({ length: count }, (_, index) => message(index + 1, noise())),
  );
};

describe('a segment of the archive of the log', () => {
  it('gives back what was put into it, whatever it is', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 30 }), async (bodies) => {
        const messages = bodies.map((body, index) => message(index + 1, body));
        const segment = await encodeSegment(range(1, messages.length), messages);
        const read = await readAll(segment.bytes);
        expect(read.hash).toBe(segment.hash);
        expect(read.messages.map(({ timeNs }) => timeNs)).toEqual(messages.map(({ timeNs }) => timeNs));
        expect(messages.every((one, index) => isSameMessage(one, read.messages[index] ?? message(0)))).toBe(true);
      }),
      { numRuns: 50 },
    ));

  it('has the same bytes whenever it is made', async () =>
    expect((await some(9)).bytes.equals((await some(9)).bytes)).toBe(true));

  it('tells an altered byte, wherever it is, and no piece behind the one that it lies in', async () => {
    const { bytes } = await some(16);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const altered = Buffer.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ change;
        const error = await readAll(altered).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(SegmentDamaged);
        expect((error as SegmentDamaged).offset).toBeLessThanOrEqual(at);
      }),
      { numRuns: 100 },
    );
  });

  it('says which piece is altered, and from which sequence on', async () => {
    const { bytes } = await some(16);
    const last = Buffer.from(bytes);
    last[bytes.length - 100] = (last[bytes.length - 100] ?? 0) ^ 1;
    // Fourteen messages are a frame.
    await expect(readAll(last)).rejects.toMatchObject({ sequence: 15, offset: expect.any(Number) });
    const error = await readAll(last).catch((reason: SegmentDamaged) => reason);
    expect((error as SegmentDamaged).offset).toBeGreaterThan(bytes.length - 100_000);
  });

  it.each([
    ['is cut off', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['is cut off between two frames', (bytes: Buffer) => bytes.subarray(0, 300_000)],
    ['goes on behind its end', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ['has two bytes in another order', (bytes: Buffer) => swapped(bytes, 250_000, 250_001)],
    ['is empty', () => Buffer.alloc(0)],
  ])('is not read when it %s', async (_, change) => {
    const { bytes } = await some(16);
    await expect(async () => readAll(change(bytes))).rejects.toBeInstanceOf(SegmentDamaged);
  });

  it('holds every sequence of its range but those that were given up before', async () => {
    const gap = await encodeSegment(
      range(1, 5, [[2, 3]]),
      [1, 4, 5].map((sequence) => message(sequence)),
    );
    expect((await readAll(gap.bytes)).messages.map(({ sequence }) => sequence)).toEqual([1, 4, 5]);
    const lost = await encodeSegment(
      range(1, 5),
      [1, 4, 5].map((sequence) => message(sequence)),
    );
    await expect(readAll(lost.bytes)).rejects.toMatchObject({ sequence: 2 });
    const end = await encodeSegment(
      range(1, 5),
      [1, 2, 3].map((sequence) => message(sequence)),
    );
    await expect(readAll(end.bytes)).rejects.toMatchObject({ sequence: 4 });
    const order = await encodeSegment(
      range(1, 3),
      [1, 3, 2].map((sequence) => message(sequence)),
    );
    await expect(readAll(order.bytes)).rejects.toBeInstanceOf(SegmentDamaged);
  });
});

const swapped = (bytes: Buffer, one: number, other: number): Buffer => {
  const copy = Buffer.from(bytes);
  [copy[one], copy[other]] = [
    bytes[other] ?? 0,
    (bytes[one] ?? 0) === bytes[other] ? (bytes[one] ?? 0) ^ 1 : (bytes[one] ?? 0),
  ];
  return copy;
};
