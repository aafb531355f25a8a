import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { KnownSecrets } from '@fornax/base';
import { LOG_HEADERS } from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { LogPipe, MAX_HELD_BYTES } from './log-pipe.js';
import type { OutputShare } from './output-line.js';

type Publish = DurablePublisher['publish'];
const source = { nodeId: 'node', taskId: 'task', instance: 0, leaseId: 'lease', attempt: 1 };

/** A stream that keeps each message id once, as JetStream does, in the order of arrival. */
class Store {
  readonly stored: { readonly offset: number; readonly data: Buffer }[] = [];
  readonly #ids = new Set<string>();

  take(data: Uint8Array, options: Parameters<Publish>[2]): void {
    const id = options?.msgId ?? '';
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.stored.push({ offset: Number(options?.headers?.[LOG_HEADERS.offset]), data: Buffer.from(data) });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.stored.map(({ data }) => data));
  }
}

/** Always in turn. */
const share: OutputShare = { turn: () => Promise.resolve({ stored: () => undefined, dropped: () => undefined }) };

const pipeTo = (publish: Publish, readable: Readable): LogPipe =>
  new LogPipe({ publish }, source, 'stdout', readable, { signal: new AbortController().signal, share });

describe('output on its way to the log', () => {
  it('is over at once where it had ended before anybody listened', async () => {
    const readable = new PassThrough();
    readable.end();
    // As a socket does that reads ahead of whoever is to read it.
    readable.resume();
    await once(readable, 'close');
    const pipe = pipeTo(() => Promise.reject(new Error('there is nothing to store')), readable);
    const isFirst = await Promise.race([pipe.finish().then(() => true), nextTurn(false)]);
    expect(isFirst).toBe(true);
    expect(pipe.isBroken).toBe(false);
  });

  it('is broken where it was closed before its end, and before anybody listened', async () => {
    const readable = new PassThrough();
    readable.destroy();
    await once(readable, 'close');
    const pipe = pipeTo(() => Promise.reject(new Error('there is nothing to store')), readable);
    expect(pipe.isBroken).toBe(true);
  });

  it('arrives whole and in order, whatever is lost before or after it is stored', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 300_000 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.constantFrom('fine', 'lost before', 'lost after'), { minLength: 1, maxLength: 3 }),
        async (pieces, outcomes) => {
          const store = new Store();
          const fates = [...outcomes];
          const publish: Publish = async (_, data, options) => {
            await nextTurn();
            const fate = fates.shift() ?? 'fine';
            if (fate !== 'lost before') store.take(data, options);
            if (fate !== 'fine') throw new Error('no answer');
            return { seq: 1, duplicate: false };
          };
          const readable = new PassThrough();
          const pipe = pipeTo(publish, readable);
          for (const piece of pieces) readable.write(piece);
          readable.end();
          await pipe.finish();
          expect(store.bytes.equals(Buffer.concat(pieces))).toBe(true);
          let end = 0;
          for (const { offset, data } of store.stored) {
            expect(offset).toBe(end);
            end += data.length;
          }
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  it('of 100 MB passes through bounded memory, while the store is slower than the instance', async () => {
    const total = 100_000_000;
    const sent = createHash('sha256');
    const arrived = createHash('sha256');
    let made = 0;
    let stored = 0;
    let mostHeld = 0;
    const readable = new Readable({
      read() {
        const size = Math.min(65_536, total - made);
        if (size === 0) return void this.push(null);
        const data = Buffer.alloc(size, made % 251);
        sent.update(data);
        made += size;
        this.push(data);
      },
    });
    const publish: Publish = async (_, data) => {
      await nextTurn();
      await nextTurn();
      arrived.update(data);
      stored += data.length;
      mostHeld = Math.max(mostHeld, made - stored);
      return { seq: 1, duplicate: false };
    };
    await pipeTo(publish, readable).finish();
    expect([stored, arrived.digest('hex')]).toEqual([total, sent.digest('hex')]);
    // What the readable has read ahead is not held by the pipe.
    expect(mostHeld).toBeLessThan(MAX_HELD_BYTES + 3 * 65_536);
  }, 60_000);

  it('waits for a store that is away, and then goes on', async () => {
    const store = new Store();
    let isAway = true;
    const publish: Publish = async (_, data, options) => {
      await nextTurn();
      if (isAway) throw new Error('away');
      store.take(data, options);
      return { seq: 1, duplicate: false };
    };
    const readable = new PassThrough();
    const pipe = pipeTo(publish, readable);
    readable.end('hello');
    const finished = pipe.finish();
    await nextTurn();
    isAway = false;
    await finished;
    expect(store.bytes.toString()).toBe('hello');
    expect(pipe.tail).toBe('hello');
  });

  it('tells a pipe that broke on this side from one that ended, or that was left after a silence', async () => {
    const publish: Publish = async () => 1 as never;
    const states = await Promise.all(
      [
        (readable: PassThrough) => readable.destroy(new Error('EBADF')),
        (readable: PassThrough) => readable.destroy(),
        (readable: PassThrough) => readable.end('the end'),
        (readable: PassThrough) => readable.write('somebody outside of the instance keeps it open'),
      ].map(async (happen) => {
        const readable = new PassThrough();
        let calls = 0;
        const onBroken = (): void => void (calls += 1);
        const pipe = new LogPipe({ publish }, source, 'stdout', readable, {
          signal: new AbortController().signal,
          share,
          onBroken,
        });
        happen(readable);
        await pipe.finish();
        return [pipe.isBroken, calls];
      }),
    );
    expect(states).toEqual([
      [true, 1],
      [true, 1],
      [false, 0],
      [false, 0],
    ]);
  }, 20_000);
});

describe('output that shows a secret', () => {
  it('is stored without it, wherever it is cut, with offsets of what is stored', async () => {
    const store = new Store();
    const readable = new PassThrough();
    const publish: Publish = (_, data, options) => {
      store.take(data, options);
      return Promise.resolve({ seq: 1, duplicate: false } as Awaited<ReturnType<Publish>>);
    };
    const redactor = new KnownSecrets(['the long secret']).redactor();
    const options = { signal: new AbortController().signal, share, redactor };
    const pipe = new LogPipe({ publish }, source, 'stdout', readable, options);
    for (const part of ['one the lo', 'ng sec', 'ret two the lon', 'g way, the long secre']) {
      readable.write(part);
      await nextTurn();
    }
    readable.end();
    await pipe.finish();
    expect(store.bytes.toString()).toBe('one [SECRET] two the long way, the long secre');
    expect(pipe.takenBytes).toBe(store.bytes.length);
    let offset = 0;
    for (const { offset: at, data } of store.stored) {
      expect(at).toBe(offset);
      offset += data.length;
    }
  });

  it('is stored with what another command writes, each without secrets that the other cuts in two', async () => {
    const store = new Store();
    const [readable, other] = [new PassThrough(), new PassThrough()];
    const publish: Publish = (_, data, options) => {
      store.take(data, options);
      return Promise.resolve({ seq: 1, duplicate: false } as Awaited<ReturnType<Publish>>);
    };
    const secrets = new KnownSecrets(['the long secret']);
    const options = { signal: new AbortController().signal, share, redactor: secrets.redactor() };
    const pipe = new LogPipe({ publish }, source, 'stdout', readable, options);
    pipe.add(other, secrets.redactor());
    readable.write('own the long ');
    await nextTurn();
    other.write('other the lo');
    await nextTurn();
    readable.end('secret.');
    await nextTurn();
    other.end('ng secret, the lo');
    await pipe.finish();
    expect(store.bytes.toString()).toBe('own other [SECRET].[SECRET], the lo');
    expect(pipe.takenBytes).toBe(store.bytes.length);
  });
});
