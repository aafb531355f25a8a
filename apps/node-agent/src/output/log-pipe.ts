import type { Readable } from 'node:stream';

import { delay, type Redactor } from '@fornax/base';
import { LOG_HEADERS, logSubject, type OutputStream } from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';

import type { OutputShare } from './output-line.js';

const CHUNK_BYTES = 262_144;
const COALESCE_MS = 50;
/** Held here at most, unsent and unacknowledged together, before the instance's pipe is left to fill up. */
export const MAX_HELD_BYTES = 1_048_576;
const TAIL_BYTES = 2_048;
const RETRY_MS = 500;
/** After the instance is gone: silence of a pipe that somebody outside of it keeps open. */
const SILENCE_MS = 2_000;

export interface LogSource {
  readonly nodeId: string;
  readonly taskId: string;
  readonly instance: number;
  readonly leaseId: string;
  readonly attempt: number;
}

export interface LogPipeOptions {
  /** Ends the storing of what is still held. */
  readonly signal: AbortSignal;
  /** Of the instance: both of its outputs have it together. */
  readonly share: OutputShare;
  /** Called when this side of the pipe broke. */
  readonly onBroken?: () => void;
  /** Takes out what nobody may see; it has seen nothing else. */
  readonly redactor?: Redactor | undefined;
  /** Bytes of this output that were written before, by a command that this one goes on with. */
  readonly from?: number;
}

/** An output that is stored among those of this one. */
interface Beside {
  readonly readable: Readable;
  readonly ended: Promise<void>;
}

const isDestroyed = ({ destroyed }: Readable): boolean => destroyed;

/**
 * One output of one instance on its way into the log stream: chunks of 256 KiB or 50 ms, one after the other, each repeated until it is stored. So
 * they lie in the stream in the order of their offsets, whatever fails. The memory it holds is bounded: while it is not its turn, or the store is behind, the
 * instance waits in its write.
 */
export class LogPipe {
  readonly #subject: string;
  readonly #signal: AbortSignal;
  readonly #share: OutputShare;
  readonly #redactor: Redactor | undefined;
  #buffer: Buffer[] = [];
  #bufferedBytes = 0;
  #inFlightBytes = 0;
  #offset: number;
  #timer: NodeJS.Timeout | undefined;
  #tail = Buffer.alloc(0);
  #sending: Promise<void> | undefined;
  readonly #ended: Promise<void>;
  readonly #beside: Beside[] = [];
  #isBroken = false;
  #isFinishing = false;
  #pausedAt: number | undefined;
  #pausedMs = 0;
  #lastDataAt = performance.now();

  constructor(
    private readonly publisher: Pick<DurablePublisher, 'publish'>,
    private readonly source: LogSource,
    private readonly stream: OutputStream,
    private readonly readable: Readable,
    { signal, share, onBroken = () => undefined, redactor, from = 0 }: LogPipeOptions,
  ) {
    this.#offset = from;
    this.#signal = signal;
    this.#share = share;
    this.#redactor = redactor;
    this.#subject = logSubject(source.nodeId, source.taskId, source.instance, stream);
    const closed = (): void => {
      // Closed before its end and not by us: our side broke, and the command's next write fails through no fault of its own.
      if (readable.readableEnded || this.#isFinishing) return;
      this.#isBroken = true;
      onBroken();
    };
    this.#ended = new Promise((resolve) => {
      readable.once('close', () => {
        closed();
        resolve();
      });
      readable.once('end', resolve);
      // A command that wrote nothing may be over by now: a socket tells its end without being read, and only once.
      if (readable.closed) closed();
      if (readable.closed || readable.readableEnded) resolve();
      readable.on('error', () => undefined); // its close tells
    });
    readable.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  /** Whether output was lost because this side of the pipe broke. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Bytes of its output, stored or not; without those of which it is not clear yet whether they are the beginning of a secret. */
  get takenBytes(): number {
    return this.#offset + this.#inFlightBytes + this.#bufferedBytes;
  }

  /** How long it was not read, in milliseconds: once its pipe is full, the instance waits in its next write. */
  get pausedMs(): number {
    return this.#pausedMs;
  }

  /** The last two kilobytes: what a command that failed says of the disk. */
  get tail(): string {
    return this.#tail.toString('utf8');
  }

  /** Stores what another command in the instance writes, as it comes. @param redactor its own: what is cut in two here is whole there */
  add(readable: Readable, redactor: Redactor | undefined): void {
    // How much there is of it was told by then.
    if (this.#isFinishing) return void readable.destroy();
    readable.on('error', () => undefined); // its close tells
    readable.on('data', (chunk: Buffer) => {
      this.#lastDataAt = performance.now();
      this.#keep(redactor ? redactor.take(chunk) : chunk);
    });
    const ended = new Promise<void>((resolve) => {
      readable.once('close', resolve);
      if (readable.closed) resolve();
    });
    this.#beside.push({ readable, ended: ended.then(() => this.#keep(redactor?.end() ?? Buffer.alloc(0))) });
    if (this.#pausedAt !== undefined) readable.pause();
  }

  /** Call after the instance is gone. Resolves when all that it wrote is stored, or the signal aborted. */
  async finish(): Promise<void> {
    await Promise.race([Promise.all([this.#ended, ...this.#beside.map(({ ended }) => ended)]), this.#silence()]);
    this.#isFinishing = true;
    this.readable.destroy();
    for (const { readable } of this.#beside) readable.destroy();
    await Promise.all(this.#beside.map(({ ended }) => ended));
    if (this.#redactor) this.#keep(this.#redactor.end());
    while ((this.#bufferedBytes > 0 || this.#sending) && !this.#signal.aborted) {
      this.#flush();
      await this.#sending;
    }
    clearTimeout(this.#timer);
  }

  async #silence(): Promise<void> {
    this.#lastDataAt = performance.now();
    while (this.#inFlightBytes > 0 || performance.now() - this.#lastDataAt < SILENCE_MS) {
      await delay(SILENCE_MS / 4, undefined, { ref: false });
      if (this.#signal.aborted || [this.readable, ...this.#beside.map(({ readable }) => readable)].every(isDestroyed))
        return;
    }
  }

  #take(chunk: Buffer): void {
    this.#lastDataAt = performance.now();
    this.#keep(this.#redactor ? this.#redactor.take(chunk) : chunk);
  }

  #keep(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#buffer.push(chunk);
    this.#bufferedBytes += chunk.length;
    this.#tail = Buffer.from(Buffer.concat([this.#tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES));
    if (this.#bufferedBytes >= CHUNK_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), COALESCE_MS);
    if (this.#bufferedBytes + this.#inFlightBytes > MAX_HELD_BYTES) this.#pause();
  }

  #pause(): void {
    this.#pausedAt ??= performance.now();
    this.readable.pause();
    for (const { readable } of this.#beside) readable.pause();
  }

  #resume(): void {
    if (this.#pausedAt !== undefined) this.#pausedMs += performance.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.readable.resume();
    for (const { readable } of this.#beside) readable.resume();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Sends what is there; what comes meanwhile goes along when it is a whole chunk, and waits for more when it is less. */
  async #send(): Promise<void> {
    do {
      const data = this.#next();
      if (data.length === 0) return;
      this.#inFlightBytes = data.length;
      await this.#store(data, this.#offset);
      this.#offset += data.length;
      this.#inFlightBytes = 0;
      if (this.#bufferedBytes <= MAX_HELD_BYTES / 2) this.#resume();
    } while (this.#bufferedBytes >= CHUNK_BYTES && !this.#signal.aborted);
    if (this.#bufferedBytes > 0) this.#timer ??= setTimeout(() => this.#flush(), COALESCE_MS);
  }

  #next(): Buffer {
    const all = this.#buffer.length === 1 && this.#buffer[0] ? this.#buffer[0] : Buffer.concat(this.#buffer);
    const rest = all.subarray(CHUNK_BYTES);
    this.#buffer = rest.length > 0 ? [rest] : [];
    this.#bufferedBytes = rest.length;
    return all.subarray(0, CHUNK_BYTES);
  }

  async #store(data: Buffer, offset: number): Promise<void> {
    const { leaseId, attempt } = this.source;
    const headers = {
      [LOG_HEADERS.lease]: leaseId,
      [LOG_HEADERS.offset]: String(offset),
      [LOG_HEADERS.attempt]: String(attempt),
    };
    const turn = await this.#share.turn(data.length, this.#signal);
    while (!this.#signal.aborted) {
      try {
        const msgId = `${leaseId}/${this.stream}/${offset}`;
        const { seq } = await this.publisher.publish(this.#subject, data, { msgId, headers });
        turn?.stored(seq);
        return;
      } catch {
        // The store is away: the same chunk again, under the same id.
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
    turn?.dropped();
  }
}
