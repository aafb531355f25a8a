import type { Socket } from 'node:net';
import { eachLine, every } from '@fornax/base';
import { MOST_WAY_LINE_CHARS, parseWayGone, parseWayOver, parseWayPeer, parseWayReady } from '@fornax/contracts';
import type { WayIn } from '@fornax/domain';
import type { WaysConfig } from '@fornax/profiles';
import { Forward } from './forward.js';
import { Joined } from './joined.js';
import type { Tickets } from './tickets.js';

const PING_MS = 5_000;
/** Silence of an agent after which its link is taken for broken: it answers each ping at once. */
const SILENCE_MS = 20_000;
/** Connections of each kind of one instance at once, those that wait for their carrier too. */
const MOST_CONNECTIONS = 256;

/** Of somebody from outside, or of another instance of its task. */
export type ConnectionKind = 'client' | 'peer';
export type ConnectionOutcome = 'carried' | 'refused' | 'full' | 'gone' | 'late';

/** The instance that a link leads to, and who holds it. */
export interface LinkedLease {
  readonly leaseId: string;
  readonly taskId: string;
  readonly instance: number;
  readonly node: string;
  readonly owner: string;
}

export interface LinkWorld {
  readonly config: WaysConfig;
  readonly tickets: Tickets;
  /** Takes a place among the connections of all instances; undefined: there is none. What comes back gives it back. */
  readonly enter: (kind: ConnectionKind) => (() => void) | undefined;
  readonly count: (outcome: ConnectionOutcome) => void;
  readonly moved: (bytes: { readonly in: number; readonly out: number }) => void;
  /** The link of another instance of the same task, if a connection to that port of it may be asked for. */
  readonly peer: (instance: number, port: number) => InstanceLink | undefined;
}

/** The forwards of one instance. They are there as long as the connection that its agent keeps, and end with it. */
export class InstanceLink {
  private readonly forwards: Forward[] = [];
  private readonly joined = new Set<Joined>();
  private readonly own = { client: 0, peer: 0 };
  private readonly waiting = new Map<string, (why: 'gone' | 'late') => void>();
  private readonly stopPings: () => void;
  private isClosed = false;
  /** What is written to it says nothing about the other side. */
  private heardAt = performance.now();
  private readonly firstLine = Promise.withResolvers<string>();
  private readonly commandOver = Promise.withResolvers<number | undefined>();

  constructor(
    private readonly socket: Socket,
    readonly lease: LinkedLease,
    private readonly world: LinkWorld,
    private readonly onClosed: () => void,
  ) {
    socket.setNoDelay(true);
    socket.on('error', () => this.close());
    socket.once('close', () => this.close());
    socket.once('end', () => this.close());
    eachLine(socket, MOST_WAY_LINE_CHARS, (line) => {
      this.heardAt = performance.now();
      this.firstLine.resolve(line);
      const over = parseWayOver(line);
      if (over) this.commandOver.resolve(over.exitCode);
      const ticket = parseWayGone(line);
      if (ticket !== undefined) this.waiting.get(ticket)?.('gone');
      const wanted = parseWayPeer(line);
      if (wanted) this.meet(wanted);
    });
    this.stopPings = every(PING_MS, () => Promise.resolve(this.ping()));
    if (socket.destroyed) this.close();
  }

  get isOver(): boolean {
    return this.isClosed;
  }

  get size(): number {
    return this.forwards.length;
  }

  get connections(): number {
    return this.joined.size;
  }

  /** @returns whether each has a port */
  async open(ways: readonly WayIn[]): Promise<boolean> {
    for (const { port, allowed } of ways) {
      const come = (client: Socket): void => this.come(client, (ticket) => `carry ${ticket} ${port}\n`);
      const forward = await Forward.open(this.world.config, allowed, come, () => this.world.count('refused'));
      if (!forward) return false;
      if (this.isClosed) {
        forward.close();
        return false;
      }
      this.forwards.push(forward);
      this.socket.write(`open ${port} ${forward.publicPort}\n`);
    }
    return true;
  }

  /** Of a session: whether the agent can do what it asks for, as far as is known by then. */
  async ready(): Promise<{ readonly why?: string }> {
    return parseWayReady(await this.firstLine.promise);
  }

  /** Of a session: the exit code of its command; undefined where nobody tells. */
  get over(): Promise<number | undefined> {
    return this.commandOver.promise;
  }

  /** Of a session: makes a connection one to any port of the instance. */
  reach(client: Socket, port: number): void {
    this.come(client, (ticket) => `reach ${ticket} ${port}\n`);
  }

  /** Of a session: makes a connection that of a command, which begins with this line. */
  enter(client: Socket, order: string): void {
    this.come(client, (ticket) => `enter ${ticket}\n`, order);
  }

  /** Counts what its connections have moved since. */
  measure(): void {
    for (const each of this.joined) this.world.moved(each.moved());
  }

  /** Ends the forwards and all connections. Safe to repeat. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.stopPings();
    for (const forward of this.forwards) forward.close();
    for (const give of [...this.waiting.values()]) give('gone');
    for (const each of [...this.joined]) each.close();
    this.socket.destroy();
    this.firstLine.resolve('cannot its node is away, or the instance is over');
    this.commandOver.resolve(undefined);
    this.onClosed();
  }

  private ping(): void {
    if (performance.now() - this.heardAt > SILENCE_MS) this.close();
    else this.socket.write('ping\n');
  }

  private come(client: Socket, orderOf: (ticket: string) => string, first = ''): void {
    const { count } = this.world;
    const carried = (carrier: Socket, leave: () => void): void => {
      count('carried');
      carrier.write(first);
      this.join(client, carrier, leave);
    };
    const giveUp = this.bring('client', orderOf, carried, (why) => {
      client.destroy();
      count(why);
    });
    if (giveUp) client.once('close', () => giveUp('gone'));
  }

  /** Takes a place for a connection. @returns gives it back; undefined: there is none */
  private take(kind: ConnectionKind): (() => void) | undefined {
    const leave = this.own[kind] < MOST_CONNECTIONS ? this.world.enter(kind) : undefined;
    if (!leave) return undefined;
    this.own[kind] += 1;
    let isIn = true;
    return () => {
      if (isIn) this.own[kind] -= 1;
      isIn = false;
      leave();
    };
  }

  /** Has its agent bring a connection. @param carried called once it has, as the instance has taken it @returns gives up */
  private bring(
    kind: ConnectionKind,
    orderOf: (ticket: string) => string,
    carried: (carrier: Socket, leave: () => void) => void,
    failed: (why: 'full' | 'gone' | 'late') => void,
  ): ((why: 'gone' | 'late') => void) | undefined {
    const leave = this.isClosed ? undefined : this.take(kind);
    if (!leave) {
      failed(this.isClosed ? 'gone' : 'full');
      return undefined;
    }
    const { tickets } = this.world;
    let isOver = false;
    const giveUp = (why: 'gone' | 'late'): void => {
      if (isOver) return;
      isOver = true;
      this.waiting.delete(ticket);
      tickets.revoke(ticket);
      leave();
      failed(why);
    };
    const ticket = tickets.issue(
      (carrier) => {
        isOver = true;
        this.waiting.delete(ticket);
        carried(carrier, leave);
      },
      () => giveUp('late'),
    );
    this.waiting.set(ticket, giveUp);
    this.socket.write(orderOf(ticket));
    return giveUp;
  }

  /** Joins a connection of this instance with one to another of its task, once something listens there. */
  private meet({ number, instance, port }: NonNullable<ReturnType<typeof parseWayPeer>>): void {
    const { count, peer, tickets } = this.world;
    const say = (word: 'alone' | 'full'): void => void this.socket.write(`${word} ${number}\n`);
    const other = peer(instance, port);
    if (!other) return say('alone');
    const carried = (carrier: Socket, leave: () => void): void => {
      carrier.on('error', () => carrier.destroy());
      const ticket = tickets.issue(
        (own) => {
          count('carried');
          other.join(own, carrier, leave);
        },
        () => {
          carrier.destroy();
          leave();
        },
      );
      this.socket.write(`meet ${number} ${ticket}\n`);
    };
    // That there is no room is said, so that nobody waits for it.
    const failed = (why: 'full' | 'gone' | 'late'): void => {
      if (why === 'full') count(why);
      say(why === 'full' ? 'full' : 'alone');
    };
    other.bring('peer', (ticket) => `carry ${ticket} ${port}\n`, carried, failed);
  }

  private join(client: Socket, carrier: Socket, leave: () => void): void {
    if (client.destroyed || carrier.destroyed || this.isClosed) {
      client.destroy();
      carrier.destroy();
      return leave();
    }
    const joined = new Joined(client, carrier, () => {
      this.world.moved(joined.moved());
      this.joined.delete(joined);
      leave();
    });
    this.joined.add(joined);
  }
}
