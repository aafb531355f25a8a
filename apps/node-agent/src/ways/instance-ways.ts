import { connect, type Socket } from 'node:net';

import { backoffMs, delay, eachLine, type RpcClient } from '@fornax/base';
import {
  cannotLine,
  type LeaseOrder,
  type LiveInstance,
  MOST_LIVE_WAYS,
  MOST_WAY_LINE_CHARS,
  nodeRpcSubject,
  parseWayOrder,
  type WayOrder,
  type WaysReply,
  waysReplySchema,
  type WaysRequest,
} from '@fornax/contracts';
import type { EnteredCommand, EnteringCommand } from '@fornax/drivers';

import { carryCommand } from './carry-command.js';

import { joinSockets } from './join-sockets.js';
import { PeersFull } from './peers-full.js';

const ASK_TIMEOUT_MS = 10_000;
const CONNECT_MS = 10_000;
/** The platform pings each link every five seconds. */
const SILENCE_MS = 20_000;
const LAST_WORD_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;
/** Connections of one instance at once, from outside and from others of its task, whatever the platform asks for. */
const MOST_CARRIED = 600;

/** The ticket of a connection to another instance; undefined: nothing listens there. */
type Met = string | PeersFull | undefined;
type CarryOrder = Extract<WayOrder, { readonly port: number; readonly ticket: string }>;
type LiveWay = NonNullable<LiveInstance['ways']>[number];
export type Granted = Pick<Extract<WaysReply, { granted: true }>, 'host' | 'port' | 'ticket'>;

export interface WaysParts {
  readonly nodeId: string;
  readonly rpc: Pick<RpcClient, 'request'>;
  readonly order: Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance' | 'cluster'>;
  /** Connects to a port on which the instance itself listens. */
  readonly reach: (port: number) => Promise<Socket>;
  /** Whether the lease is this node's now. */
  readonly isHeld: () => boolean;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** Of a session: runs one more command in the instance. Whoever asks for one may also reach any port of it. */
  readonly enter?: (command: EnteringCommand) => Promise<EnteredCommand>;
}

/**
 * Carries connections from the platform into an instance, as long as it runs: over connections that are opened from here, of which one stays and tells of those that come. When it breaks,
 * the platform is asked again.
 */
export class InstanceWays {
  #told: readonly LiveWay[] = [];
  readonly #carried = new Set<Socket>();
  /** Connections into the instance that are being opened: each has a process of its own by then. */
  #reaching = 0;
  /** Who waits for a connection to another instance, by the numbers that were asked with. */
  readonly #meetings = new Map<number, (ticket: Met) => void>();
  #asked = 0;
  #linked: { readonly link: Socket; readonly granted: Granted } | undefined;
  /** Ports that the platform has opened: it is asked for no others. */
  readonly #open = new Map<number, number>();

  constructor(private readonly parts: WaysParts) {}

  #forwarder: string | undefined;

  /** What is forwarded now. */
  get told(): readonly LiveWay[] {
    return this.#told;
  }

  /** Who forwards it, in words that are told as they came. */
  get forwarder(): string | undefined {
    return this.#forwarder;
  }

  /** Ends with the signal. Never rejects. */
  async run(): Promise<void> {
    const { signal, onError } = this.parts;
    for (let failures = 0; !signal.aborted;) {
      const begunAt = performance.now();
      try {
        const reply = await this.#ask();
        if (reply.granted) {
          this.#forwarder = reply.forwarder;
          await this.#link(reply);
        } else if (reply.isForNow !== true) return;
      } catch (error) {
        // Each minute of it at most: the platform may be away for long.
        if (failures % 12 === 0 && !signal.aborted) onError(error);
      }
      this.#forget();
      failures = performance.now() - begunAt > SILENCE_MS ? 1 : failures + 1;
      if (!signal.aborted) await delay(backoffMs(failures), signal, { ref: false });
    }
  }

  /** Serves one session, by a link of its own, as long as that is there. Never rejects. */
  async serve(granted: Granted): Promise<void> {
    try {
      await this.#link(granted);
    } catch (error) {
      if (!this.parts.signal.aborted) this.parts.onError(error);
    }
    this.#forget();
  }

  #ask(): Promise<WaysReply> {
    const { nodeId, rpc, order } = this.parts;
    const { leaseId, taskId, instance } = order;
    const request: WaysRequest = { leaseId, taskId, instance };
    return rpc.request(nodeRpcSubject(nodeId, 'ways'), request, waysReplySchema, ASK_TIMEOUT_MS);
  }

  /** Resolves when the link is over. @throws Error it could not be opened */
  async #link(granted: Granted): Promise<void> {
    const { signal } = this.parts;
    const link = await dial(granted, `link ${granted.ticket}\n`, signal);
    const over = new Promise<void>((resolve) => link.once('close', resolve));
    const end = (): void => void link.destroy();
    link.setTimeout(SILENCE_MS, end);
    link.once('end', end);
    // How a command of a session ended is still said.
    const endSoon = this.parts.enter ? (): void => void setTimeout(end, LAST_WORD_MS).unref() : end;
    signal.addEventListener('abort', endSoon, { once: true });
    eachLine(link, MOST_WAY_LINE_CHARS, (line) => {
      const order = parseWayOrder(line);
      if (order) this.#obey(order, link, granted);
    });
    if (this.parts.enter) link.write('ready\n');
    if (signal.aborted) endSoon();
    else this.#linked = { link, granted };
    await over;
    signal.removeEventListener('abort', endSoon);
  }

  #obey(order: WayOrder, link: Socket, granted: Granted): void {
    if (order.kind === 'ping') link.write('pong\n');
    else if (order.kind === 'meet') this.#met(order.number, order.ticket);
    else if (order.kind === 'alone' || order.kind === 'full')
      this.#met(order.number, order.kind === 'full' ? new PeersFull('the platform has no room for it') : undefined);
    else if (order.kind === 'open') {
      if (this.#open.size < MOST_LIVE_WAYS) this.#open.set(order.port, order.publicPort);
      this.#told = [...this.#open].map(([port, publicPort]) => ({ port, publicPort }));
    } else if (order.kind === 'enter') void this.#enter(order.ticket, link, granted);
    else void this.#carry(order, link, granted);
  }

  async #enter(ticket: string, link: Socket, granted: Granted): Promise<void> {
    const { enter, isHeld, signal } = this.parts;
    try {
      if (!enter || !isHeld() || signal.aborted) throw new Error('it is not carried');
      const outer = await dial(granted, `carry ${ticket}\n`, signal);
      this.#keep(outer);
      const exitCode = await carryCommand(outer, enter);
      if (exitCode !== undefined && !link.destroyed) link.write(`over ${ticket} ${exitCode}\n`);
    } catch {
      if (!link.destroyed) link.write(`gone ${ticket}\n`);
    }
  }

  /** Whether the platform may have connections carried there. */
  #isOpen({ kind, port }: CarryOrder): boolean {
    if (kind === 'reach') return this.parts.enter !== undefined;
    return this.#open.has(port) || this.parts.order.cluster?.ports.includes(port) === true;
  }

  async #carry(order: CarryOrder, link: Socket, granted: Granted): Promise<void> {
    const { ticket, port } = order;
    const { reach, isHeld, signal } = this.parts;
    let inner: Socket | undefined;
    try {
      if (!this.#isOpen(order) || this.#carried.size + this.#reaching >= MOST_CARRIED || !isHeld() || signal.aborted)
        throw new Error('it is not carried');
      this.#reaching += 1;
      inner = await reach(port).finally(() => (this.#reaching -= 1));
      this.#keep(inner);
      this.#join(await dial(granted, `carry ${ticket}\n`, signal), inner);
    } catch {
      inner?.destroy();
      if (!link.destroyed) link.write(`gone ${ticket}\n`);
    }
  }

  #keep(socket: Socket): void {
    this.#carried.add(socket);
    socket.once('close', () => this.#carried.delete(socket));
  }

  #join(outer: Socket, inner: Socket): void {
    joinSockets(outer, inner);
    if (this.parts.signal.aborted) outer.destroy();
  }

  /**
   * Connects to a port on which another instance of the task listens, wherever that is.
   * @returns undefined: nothing listens there now, or the platform is not linked @throws PeersFull @throws Error the platform cannot be reached
   */
  async toPeer(instance: number, port: number): Promise<Socket | undefined> {
    const linked = this.#linked;
    if (!linked) return undefined;
    const number = (this.#asked += 1);
    const ticket = await new Promise<Met>((resolve) => {
      this.#meetings.set(number, resolve);
      linked.link.write(`peer ${number} ${instance} ${port}\n`);
    });
    if (ticket === undefined) return undefined;
    if (ticket instanceof PeersFull) throw ticket;
    // It ends with its other end, not with the link: what was said last is brought to the peer when the command is over.
    return dial(linked.granted, `carry ${ticket}\n`, this.parts.signal);
  }

  #met(number: number, ticket?: Met): void {
    this.#meetings.get(number)?.(ticket);
    this.#meetings.delete(number);
  }

  /** What was forwarded is not any more, and what was carried ends. */
  #forget(): void {
    this.#told = [];
    this.#linked = undefined;
    for (const number of [...this.#meetings.keys()]) this.#met(number);
    this.#open.clear();
    for (const socket of [...this.#carried]) socket.destroy();
  }
}

/** Tells the platform why there is no session. Never rejects. */
export const refuseSession = async (granted: Granted, why: string, signal: AbortSignal): Promise<void> => {
  const link = await dial(granted, `link ${granted.ticket}\n${cannotLine(why)}`, signal).catch(() => undefined);
  link?.end();
  link?.setTimeout(CONNECT_MS, () => link.destroy());
  link?.resume();
};

/** Opens a connection to the platform and says what it is for. @throws Error it could not be opened, or not in time */
const dial = ({ host, port }: Granted, greeting: string, signal: AbortSignal): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    const end = (): void => void socket.destroy(new Error('the platform cannot be reached to carry connections'));
    const deadline = setTimeout(end, CONNECT_MS);
    signal.addEventListener('abort', end, { once: true });
    const settled = (): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', end);
    };
    socket.once('connect', () => {
      settled();
      socket.write(greeting);
      resolve(socket);
    });
    socket.on('error', (error) => {
      settled();
      reject(error);
    });
    if (signal.aborted) end();
  });
