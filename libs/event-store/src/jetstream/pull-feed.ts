import { nanos, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';
import { delay } from '@fornax/base';
import { newInbox, onReconnect } from './connection.js';
import { jetStreamApi } from './jetstream-api.js';
import { beWary, isWary } from './wary-streams.js';

/** A message of a pull consumer as it arrived. */
export interface FeedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  /** Where acknowledgements go. */
  readonly reply: string;
  /** Place in the stream. */
  readonly sequence: number;
  readonly deliveries: number;
  /** Messages of this consumer that come after this one, as of its delivery. */
  readonly pending: number;
  /** When the stream took it, in nanoseconds. */
  readonly sentNs: bigint;
}

/** The consumer stopped delivering (server gone, consumer deleted, a message missed): make it anew and go on from what was handled. */
export class FeedBroken extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'FeedBroken';
  }
}

export interface PullFeedOptions {
  readonly stream: string;
  readonly consumer: string;
  /** Messages held at most; the consumer is asked for more when half of them are taken. */
  readonly capacity: number;
  /** The consumer does not redeliver, so a gap in its own numbering means a lost message. */
  readonly isGapFatal: boolean;
  /** Bytes on their way at most for each request; none is made while half as many wait to be taken. Default 16 MiB. */
  readonly maxBytes?: number;
  readonly pace?: FeedPace;
  /**
   * Every request gets one answer at most, a message or the word that there is none. Nodes must ask so: only single answers come back into
   * their account (ADR 0019).
   */
  readonly asksSingly?: boolean;
}

/** How soon silence is noticed. */
export interface FeedPace {
  /** The server gives a sign of life this often; after three without one it counts as gone. Default 5 s. */
  readonly heartbeatMs: number;
  /** How long one request for messages stands. Default 30 s. */
  readonly expiresMs: number;
}

const DEFAULT_PACE: FeedPace = { heartbeatMs: 5_000, expiresMs: 30_000 };

interface Pull {
  readonly subject: string;
  readonly askedAt: number;
  left: number;
}

const DRAIN_MS = 1_000;
/** Requests for one message each that are under way at once. */
const SINGLE_PULLS = 4;
/** The same where empty messages may be met (see `isWary`): as many as wait, at most this many. */
const WARY_PULLS = 64;
/** Twice the largest message (8 MiB) that the server takes, so that every message fits and a slow reader holds little. */
const MAX_BYTES = 16 * 1024 * 1024;

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, with domain and account after ACK on newer servers. */
const placeOf = (reply: string) => {
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 4 : 6;
  return {
    deliveries: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    consumerSequence: Number(tokens[at + 2]),
    sentNs: BigInt(tokens[at + 3] ?? 0),
    pending: Number(tokens[at + 4]),
  };
};

/** Between accounts the server takes such a message for the end of an answer of many. */
export const endsAnswer = ({ data, headers }: Pick<FeedMessage, 'data'> & { readonly headers?: unknown }): boolean =>
  data.length === 0 && headers === undefined;

/**
 * Takes the messages of a pull consumer as they arrive, bounded in number and bytes, and says at once when it cannot go on.
 * A consumer of our own over the raw protocol because the client's reports a killed server only after two missed heartbeats and
 * hands out one message at a time.
 */
export class PullFeed {
  private readonly inbox: string;
  private readonly stop: () => void;
  private readonly drainSubscription: () => Promise<void>;
  private readonly nextSubject: string;
  private readonly pulls: Pull[] = [];
  private buffer: FeedMessage[] = [];
  private pullCount = 0;
  private lastConsumerSequence = 0;
  private lastPending = 0;
  private lastBytes = 0;
  private lastActivity = performance.now();
  private lastMessage = Number.NEGATIVE_INFINITY;
  private readonly pace: FeedPace;
  private broken: FeedBroken | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly nc: NatsConnection,
    private readonly options: PullFeedOptions,
  ) {
    this.pace = options.pace ?? DEFAULT_PACE;
    this.inbox = newInbox(nc);
    this.nextSubject = jetStreamApi.pull(options.stream, options.consumer);
    const subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, msg) => (error ? this.fail(error.message) : this.receive(msg)),
    });
    const stopWatching = onReconnect(nc, () => this.fail('the connection was lost'));
    const watchdog = setInterval(() => this.watch(), this.pace.heartbeatMs);
    this.drainSubscription = () => subscription.drain();
    this.stop = () => {
      clearInterval(watchdog);
      stopWatching();
      if (!nc.isClosed() && !subscription.isClosed()) subscription.unsubscribe();
    };
    void nc.closed().then(() => this.fail('the connection is closed'));
    this.refill();
  }

  /**
   * Everything that has arrived, up to `max`, in order; waits until there is something.
   * @returns an empty list once `signal` has aborted
   * @throws FeedBroken after all that arrived before the break was taken
   */
  async next(max: number, signal: AbortSignal): Promise<readonly FeedMessage[]> {
    while (this.buffer.length === 0) {
      if (signal.aborted) return [];
      if (this.broken !== undefined) throw this.broken;
      await this.change(signal);
    }
    const taken = this.buffer.slice(0, max);
    this.buffer = this.buffer.slice(max);
    this.refill();
    return taken;
  }

  /** What has arrived and was not taken. */
  get waiting(): readonly FeedMessage[] {
    return this.buffer;
  }

  /** Stops asking and returns all that was delivered and not taken, including what was still on its way. */
  async drain(): Promise<readonly FeedMessage[]> {
    this.broken ??= new FeedBroken('closed');
    if (!this.nc.isClosed()) await Promise.race([this.drainSubscription().catch(() => undefined), delay(DRAIN_MS)]);
    return this.buffer;
  }

  close(): void {
    this.broken ??= new FeedBroken('closed');
    this.stop();
    this.notify();
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.wake = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private notify(): void {
    this.wake?.();
  }

  private fail(detail: string): void {
    this.broken ??= new FeedBroken(detail);
    this.notify();
  }

  private watch(): void {
    if (this.pulls.length > 0 && performance.now() - this.lastActivity > 3 * this.pace.heartbeatMs)
      this.fail('no sign of life from the consumer');
  }

  private get maxBytes(): number {
    return this.options.maxBytes ?? MAX_BYTES;
  }

  /** How many requests for one message each are kept under way; 0: messages are asked for together. */
  private get singlePulls(): number {
    if (this.options.asksSingly === true) return SINGLE_PULLS;
    if (!isWary(this.nc, this.options.stream)) return 0;
    // As many as wait, and together no more bytes than one request for many may bring.
    const fitting = Math.max(1, Math.floor(this.maxBytes / Math.max(1, this.lastBytes)));
    return Math.min(WARY_PULLS, fitting, Math.max(SINGLE_PULLS, this.lastPending));
  }

  private refill(): void {
    if (this.broken !== undefined) return;
    // A request that ends because of its bytes is over while what it brought waits: large messages would pile up to the capacity in number.
    if (this.buffer.reduce((sum, { data }) => sum + data.length, 0) > this.maxBytes / 2) return;
    const { capacity, asksSingly = false } = this.options;
    const { expiresMs, heartbeatMs } = this.pace;
    const signs = { expires: nanos(expiresMs), ...(asksSingly ? {} : { idle_heartbeat: nanos(heartbeatMs) }) };
    const { singlePulls } = this;
    if (singlePulls > 0) {
      const most = Math.min(singlePulls, capacity - this.buffer.length);
      while (this.broken === undefined && this.pulls.length < most) this.ask(1, { batch: 1, ...signs });
      return;
    }
    const expected = this.pulls.reduce((sum, pull) => sum + pull.left, 0);
    const room = capacity - this.buffer.length - expected;
    if (room < Math.ceil(capacity / 2)) return;
    // Asked is always for all bytes, or a message that is larger than the rest would bring the feed to an end.
    this.ask(room, { batch: room, ...signs, max_bytes: this.maxBytes });
  }

  private ask(left: number, request: object): void {
    const pull = { subject: `${this.inbox}.${this.pullCount++}`, askedAt: performance.now(), left };
    this.pulls.push(pull);
    this.lastActivity = performance.now();
    try {
      this.nc.publish(this.nextSubject, JSON.stringify(request), { reply: pull.subject });
    } catch (error) {
      this.fail(String(error));
    }
  }

  private receive(msg: Msg): void {
    this.lastActivity = performance.now();
    if (msg.subject.startsWith(this.inbox)) {
      this.receiveStatus(msg);
      return;
    }
    const reply = msg.reply ?? '';
    const { consumerSequence, ...place } = placeOf(reply);
    if (this.options.isGapFatal && consumerSequence !== this.lastConsumerSequence + 1) {
      this.fail(`message ${this.lastConsumerSequence + 1} of the consumer was lost`);
      return;
    }
    this.lastConsumerSequence = consumerSequence;
    this.lastPending = place.pending;
    this.lastBytes = msg.data.length;
    if (this.broken !== undefined && this.options.isGapFatal) return;
    const first = this.pulls[0];
    if (first !== undefined) {
      first.left -= 1;
      if (first.left <= 0) this.pulls.shift();
    }
    this.lastMessage = performance.now();
    this.buffer.push({ subject: msg.subject, data: msg.data, headers: msg.headers, reply, ...place });
    if (endsAnswer(msg)) {
      beWary(this.nc, this.options.stream);
      if (this.options.isGapFatal) this.fail('an empty message ended the answer of the server');
      else if (this.pulls[0] === first) this.pulls.shift();
    }
    if (this.singlePulls > 0) this.refill();
    this.notify();
  }

  private receiveStatus(msg: Msg): void {
    const code = msg.headers?.code ?? 0;
    const description = msg.headers?.description ?? '';
    if (code === 100) return;
    const isPullOver =
      code === 404 || code === 408 || (code === 409 && /max ?bytes|batch completed|exceed/i.test(description));
    const at = this.pulls.findIndex((pull) => pull.subject === msg.subject);
    const pull = this.pulls[at];
    if (!isPullOver || (pull !== undefined && this.cameToNothing(pull))) {
      this.fail(`${description === '' ? 'nobody answers for the consumer' : description} (${code})`);
      return;
    }
    if (at >= 0) this.pulls.splice(at, 1);
    this.refill();
  }

  /** A request that ends long before its time and brought nothing would be made again at once, and again: it is a break instead. */
  private cameToNothing({ askedAt }: Pull): boolean {
    return this.lastMessage < askedAt && performance.now() - askedAt < this.pace.expiresMs / 2;
  }
}
