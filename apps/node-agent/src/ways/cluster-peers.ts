import type { Socket } from 'node:net';

import { delay } from '@fornax/base';
import type { LeaseOrder } from '@fornax/contracts';
import { type PeerPort, peerPortsOf } from '@fornax/domain';
import type { Doors } from '@fornax/drivers';

import { joinSockets } from './join-sockets.js';
import { PeerTries } from './peer-tries.js';
import type { TryTurns } from './try-turns.js';

/** How long a connection waits for its peer to listen: the others of a task may begin much later. */
const WAIT_MS = 10 * 60_000;
/** Instances that a note names. */
const MOST_NAMED = 8;
/** How long an instance whose command is over stays for what that has sent. */
const LAST_MS = 60_000;
/** Connections of one instance to others at once, those that wait too. */
const MOST_CONNECTIONS = 256;
const HOST = '127.0.0.1';

export interface PeersParts {
  readonly order: Pick<LeaseOrder, 'instance' | 'cluster'>;
  /** Connects to a port on which another instance of the task listens. @returns undefined: nothing does now */
  readonly reach: (instance: number, port: number) => Promise<Socket | undefined>;
  /** Of all instances of the node, for tries of ports on which nothing has listened. */
  readonly turns?: TryTurns | undefined;
  /** How long a connection waits for its peer to listen, if not ten minutes. */
  readonly waitMs?: number;
}

/**
 * The others of a task, as one of its instances finds them: each port of each of them is a port of its own loopback, the same in all of them. So the list is whole before the command begins,
 * wherever the others run by then, or run again.
 */
export class ClusterPeers {
  readonly #ports: readonly PeerPort[];
  readonly #sockets = new Set<Socket>();
  /** Of each of them, when all that came of it is on its way to the other one. */
  readonly #sent = new Set<Promise<void>>();
  readonly #over = new AbortController();
  /** By the ports of its own loopback. */
  readonly #tries = new Map<number, PeerTries>();
  /** Of the node's turns it waits for one at a time, whatever is tried, so that others have theirs. */
  #turn: Promise<void> = Promise.resolve();
  /** Connections that ended at once, and where nothing listened in all the time that one waited. */
  #refused = 0;
  readonly #silent = new Set<string>();

  constructor(private readonly parts: PeersParts) {
    this.#ports = peerPortsOf(parts.order.cluster ?? { ports: [], instances: [] });
  }

  /** What a script reads: the first port of each instance in the order of their numbers, its own too. */
  get variables(): Readonly<Record<string, string>> {
    const { ports: [first] = [], instances = [] } = this.parts.order.cluster ?? {};
    const peers = this.#ports.filter(({ port }) => port === first).map(({ local }) => `${HOST}:${local}`);
    return { CLUSTER_PEERS: peers.join(' '), CLUSTER_RANK: String(instances.indexOf(this.parts.order.instance)) };
  }

  /** A line for each instance: its number, the host, and the ports there in the order of `CLUSTER_PORTS`. */
  get hosts(): string {
    const { instances = [] } = this.parts.order.cluster ?? {};
    const portsOf = (number: number): string =>
      this.#ports
        .filter(({ instance }) => instance === number)
        .map(({ local }) => local)
        .join(' ');
    return instances.map((number) => `${number} ${HOST} ${portsOf(number)}\n`).join('');
  }

  /** Why its command could not speak with others. */
  get notes(): readonly string[] {
    const silent = [...this.#silent];
    const rest = silent.length > MOST_NAMED ? ` and ${silent.length - MOST_NAMED} more` : '';
    return [
      ...(this.#refused > 0
        ? [
            `Connections to others of the task were refused: ${this.#refused}. As many were open as an instance may have (${MOST_CONNECTIONS}), or its account between nodes (half of FORNAX_WAYS_PEERS, less where the platform may have few files open)`,
          ]
        : []),
      ...(silent.length > 0
        ? [
            `Others of the task did not listen for as long as a connection waits: ${silent.slice(0, MOST_NAMED).join(', ')}${rest}. They had not begun, had ended, or their nodes do not reach the platform`,
          ]
        : []),
    ];
  }

  get doors(): Doors {
    return {
      ports: this.#ports.map(({ local }) => local),
      onConnection: (local, socket) => {
        const to = this.#ports.find((one) => one.local === local);
        socket.on('error', () => socket.destroy());
        if (!to || this.#over.signal.aborted) return void socket.destroy();
        if (this.#sockets.size >= MOST_CONNECTIONS) return this.#refuse(socket);
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        const sent = this.#carry(socket, to).finally(() => this.#sent.delete(sent));
        this.#sent.add(sent);
      },
    };
  }

  /**
   * Its command is over: what it has sent is still brought to the others, for a while also to those that do not listen yet, since whoever sends its last word and ends has not waited for
   * anybody to read it. Resolves then, and nothing waits any more.
   */
  async end(): Promise<void> {
    await Promise.race([Promise.all(this.#sent), delay(LAST_MS, this.#over.signal, { ref: false })]);
    this.stop();
  }

  /** Nothing waits any more. Safe to repeat. */
  stop(): void {
    this.#over.abort();
  }

  #triesOf({ local, instance, port }: PeerPort): PeerTries {
    const { reach, turns } = this.parts;
    const { signal } = this.#over;
    const again = (): Promise<void> => (this.#turn = this.#turn.then(() => turns?.next(signal)));
    const tries = this.#tries.get(local) ?? new PeerTries(() => reach(instance, port), again);
    this.#tries.set(local, tries);
    return tries;
  }

  /** The program hears of it at once, by a reset, and its owner by a note. */
  #refuse(socket: Socket): void {
    this.#refused += 1;
    socket.resetAndDestroy();
  }

  async #carry(socket: Socket, to: PeerPort): Promise<void> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const late = AbortSignal.timeout(this.parts.waitMs ?? WAIT_MS);
    const peer = await this.#triesOf(to).next(AbortSignal.any([this.#over.signal, gone.signal, late]));
    if (peer === 'full') return this.#refuse(socket);
    if (!peer) {
      if (late.aborted && !gone.signal.aborted) this.#silent.add(`instance ${to.instance} at port ${to.port}`);
      return void socket.resetAndDestroy();
    }
    const sent = new Promise<void>((resolve) => peer.once('finish', resolve).once('close', () => resolve()));
    joinSockets(socket, peer);
    return sent;
  }
}
