import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { countedFromZero, every, firstLine, observeGauge, RpcClient, Unavailable } from '@fornax/base';
import {
  MOST_WAY_LINE_CHARS,
  parseWayGreeting,
  RPC,
  secretRightsReplySchema,
  type WaysReply,
  type WaysRequest,
} from '@fornax/contracts';
import { clusterPortsOf, waysInOf, type WayIn } from '@fornax/domain';
import { WAYS_CONFIG, type WaysConfig } from '@fornax/profiles';
import { LOGGER } from '@fornax/service-kit';
import { TaskLeases, TaskLookup } from '@fornax/tasks';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ConnectionPlaces } from './connection-places.js';
import { InstanceLink, type ConnectionKind, type ConnectionOutcome, type LinkedLease } from './instance-link.js';
import { Lobby } from './lobby.js';
import { NodeAllowances } from './node-allowances.js';
import { mostOpenFiles, peersWithin } from './peer-places.js';
import { Tickets } from './tickets.js';

const GREETING_MS = 5_000;
const TICKET_MS = 10_000;
/** Connections that have not said what they are for, of all and of one address. */
const MOST_UNGREETED = 1_000;
const MOST_UNGREETED_OF_ONE = 200;
/** What one connection holds in memory for somebody who does not read: there may be many thousands. */
const HIGH_WATER_BYTES = 16 * 1_024;
/** An account has one of so many shares of all connections; of those between its instances, which are many by nature, half of all. */
const SHARES = { client: 3, peer: 2 } as const;
const LOOK_MS = 5_000;
/** The rows of the status may be behind the scheduler for so long. */
const GRACE_MS = 30_000;

const OUTCOMES: readonly ConnectionOutcome[] = ['carried', 'refused', 'full', 'gone', 'late'];

interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What a link is for, and whose connections it carries. */
export interface SessionOfLink {
  readonly key: string;
  readonly of: string;
  readonly moved?: (bytes: { readonly in: number; readonly out: number }) => void;
  readonly closed?: () => void;
  /** Where others of its task reach it. */
  readonly peerPorts?: readonly number[];
}

/** An instance that its node may have a link for, and what it leads to. */
export interface WayRights {
  readonly lease: LinkedLease;
  readonly ways: readonly WayIn[];
  readonly peerPorts: readonly number[];
}
type Refused = Extract<WaysReply, { granted: false }>;

/** Where an agent connects to, and the link once it has. */
export interface ExpectedLink {
  readonly host: string;
  readonly port: number;
  readonly ticket: string;
  /** @throws NobodyCame */
  readonly link: Promise<InstanceLink>;
}

/** No agent has opened the link that it was told to open. */
export class NobodyCame extends Error {
  override readonly name = 'NobodyCame';
}

const placeOf = (taskId: string, instance: number): string => `${taskId} ${instance}`;

/** Forwards ports of instances: to the nodes that hold them, over connections that their agents open. */
@Injectable()
export class WaysDoor implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly tickets = new Tickets(TICKET_MS);
  private readonly links = new Map<string, { readonly link: InstanceLink; readonly since: number; isSeen: boolean }>();
  /** The newest link of each instance: one that runs again has another lease, and the link of the one before may not have ended yet. */
  private readonly ofInstances = new Map<string, InstanceLink>();
  /** Those that lead to others of a task. */
  private readonly ofClusters = new Set<InstanceLink>();
  private readonly allowances = new NodeAllowances();
  private readonly stops: (() => void)[] = [];
  private readonly connections = countedFromZero(
    'fornax.ways.connections',
    OUTCOMES.map((outcome) => ({ outcome })),
  );
  private readonly io = countedFromZero('fornax.ways.io', [{ direction: 'in' }, { direction: 'out' }]);
  private server: Server | undefined;
  private readonly lobby = new Lobby(MOST_UNGREETED, MOST_UNGREETED_OF_ONE);
  /** Peers have places of their own, so that a large cluster leaves its owner's forwards and sessions theirs. */
  private readonly places: Readonly<Record<ConnectionKind, ConnectionPlaces>>;

  constructor(
    @Inject(WAYS_CONFIG) private readonly config: WaysConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly rpc: RpcClient,
    private readonly lookup: TaskLookup,
    private readonly leases: TaskLeases,
  ) {
    const { mostConnections } = config;
    const openFiles = mostOpenFiles();
    const mostPeers = peersWithin(config, openFiles);
    if (config.isOn && mostPeers < config.mostPeers)
      logger.warn(
        { openFiles, set: config.mostPeers, places: mostPeers },
        'the limit of open files leaves fewer connections between instances than FORNAX_WAYS_PEERS says',
      );
    this.places = {
      client: new ConnectionPlaces(mostConnections, Math.ceil(mostConnections / SHARES.client)),
      peer: new ConnectionPlaces(mostPeers, Math.ceil(mostPeers / SHARES.peer)),
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.isOn) return;
    const { host, port } = this.config.nodes;
    const server = createServer({ allowHalfOpen: true, highWaterMark: HIGH_WATER_BYTES }, (socket) => {
      this.greet(socket).catch((error: unknown) => this.broken(socket, { err: error }));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new Error(`nodes cannot connect to carry forwards: ${error.message}`)));
      server.listen(port, host, resolve);
    });
    server.on('error', (error) => this.logger.warn({ err: error }, 'the door of nodes that carry forwards'));
    this.server = server;
    this.stops.push(
      every(LOOK_MS, () => this.look()),
      observeGauge('fornax.ways.forwards', (result) =>
        result.observe([...this.links.values()].reduce((sum, { link }) => sum + link.size, 0)),
      ),
      observeGauge('fornax.ways.open', (result) => result.observe(this.places.client.size + this.places.peer.size)),
    );
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.stops) stop();
    this.tickets.close();
    for (const { link } of [...this.links.values()]) link.close();
    this.server?.close();
  }

  /**
   * Says whether a node may have a link for an instance, and what it would lead to.
   * @param node that asks, as NATS permissions prove @throws Unavailable nobody can say whether the lease lives, or it asks too often
   */
  async rightsOf(node: string, request: WaysRequest): Promise<WayRights | Refused> {
    if (!this.config.isOn || this.address === undefined)
      return { granted: false, reason: 'ports of instances are not forwarded here' };
    if (!this.allowances.take(node)) throw new Unavailable('This node asks for ways too often');
    const holder = await this.rpc.request(RPC.secretRights, { ...request, node }, secretRightsReplySchema);
    if (!holder.current) return { granted: false, reason: 'the lease is not current on this node' };
    const task = await this.lookup.ofPlatform(request.taskId);
    if (!task) return { granted: false, reason: 'the task is not known yet, or is being deleted', isForNow: true };
    const ways = waysInOf(task.fold.spec);
    const peerPorts = clusterPortsOf(task.fold.spec) ?? [];
    if (ways.length + peerPorts.length === 0) return { granted: false, reason: 'the task asks for no port' };
    return { lease: { ...request, node, owner: holder.owner }, ways, peerPorts };
  }

  /** Gives a ticket for a link to this process. */
  grant({ lease, ways, peerPorts }: WayRights): WaysReply {
    const { address } = this;
    if (!address) return { granted: false, reason: 'ports of instances are not forwarded here' };
    if (this.forwardsOf(lease.owner) + ways.length > this.config.mostPerAccount)
      return { granted: false, reason: 'its account has as many forwards as it may', isForNow: true };
    const ticket = this.tickets.issue((socket) => {
      this.link(socket, lease, ways, peerPorts).catch((error: unknown) =>
        this.broken(socket, { err: error, task: lease.taskId }),
      );
    });
    return { granted: true, host: this.config.nodes.publicHost, port: address.port, ticket };
  }

  /** Tasks of which instances that reach each other are linked here. */
  get clusters(): readonly string[] {
    return [...new Set([...this.ofClusters].map(({ lease }) => lease.taskId))];
  }

  /** Ends the links of one of them. */
  leave(taskId: string): void {
    for (const link of [...this.ofClusters]) if (link.lease.taskId === taskId) link.close();
  }

  private get address(): AddressInfo | undefined {
    const address = this.server?.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /**
   * Waits for a link that an agent is told to open for a session. @param by whose connections it counts among
   * @returns where the agent connects to; undefined: nobody can here
   */
  expect(lease: LinkedLease, by: SessionOfLink): ExpectedLink | undefined {
    const { address } = this;
    if (!this.config.sessions.isOn || !address) return undefined;
    const come = Promise.withResolvers<InstanceLink>();
    const ticket = this.tickets.issue(
      (socket) => come.resolve(this.keep(socket, lease, by)),
      () => come.reject(new NobodyCame('its node does not answer')),
    );
    return { host: this.config.nodes.publicHost, port: address.port, ticket, link: come.promise };
  }

  private keep(
    socket: Socket,
    lease: LinkedLease,
    { key, of, moved, closed, peerPorts = [] }: SessionOfLink,
  ): InstanceLink {
    const place = placeOf(lease.taskId, lease.instance);
    /** Absent while it is made: its connection may be closed by then. */
    const own: { link?: InstanceLink } = {};
    const link = new InstanceLink(
      socket,
      lease,
      {
        config: this.config,
        tickets: this.tickets,
        enter: (kind) => this.places[kind].enter(of),
        count: (outcome) => this.connections.add(1, { outcome }),
        peer: (instance, port) =>
          peerPorts.includes(port) ? this.ofInstances.get(placeOf(lease.taskId, instance)) : undefined,
        moved: (bytes) => {
          this.io.add(bytes.in, { direction: 'in' });
          this.io.add(bytes.out, { direction: 'out' });
          moved?.(bytes);
        },
      },
      () => {
        if (own.link && this.links.get(key)?.link === own.link) this.links.delete(key);
        if (own.link) this.ofClusters.delete(own.link);
        if (own.link && this.ofInstances.get(place) === own.link) this.ofInstances.delete(place);
        closed?.();
      },
    );
    own.link = link;
    if (link.isOver) return link;
    if (peerPorts.length > 0) this.ofClusters.add(link);
    this.links.set(key, { link, since: performance.now(), isSeen: false });
    // Those of sessions have other keys, and lead nobody's peers anywhere.
    if (key === lease.leaseId) this.ofInstances.set(place, link);
    return link;
  }

  /** Whatever goes wrong with one connection ends that one. */
  private broken(socket: Socket, why: object): void {
    this.logger.warn(why, 'a connection of a node that carries forwards');
    socket.destroy();
  }

  private forwardsOf(owner: string): number {
    let sum = 0;
    for (const { link } of this.links.values()) if (link.lease.owner === owner) sum += link.size;
    return sum;
  }

  /** Nothing of it is believed but a ticket. */
  private async greet(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    const leave = this.lobby.enter(socket);
    const line = await firstLine(socket, { mostChars: MOST_WAY_LINE_CHARS, withinMs: GREETING_MS }).finally(leave);
    const greeting = line === undefined ? undefined : parseWayGreeting(line);
    if (!greeting || !this.tickets.bring(greeting.ticket, socket)) socket.destroy();
  }

  private async link(
    socket: Socket,
    lease: LinkedLease,
    ways: readonly WayIn[],
    peerPorts: readonly number[],
  ): Promise<void> {
    // An agent that lost its link and came again: there is one for each lease.
    this.links.get(lease.leaseId)?.link.close();
    const link = this.keep(socket, lease, { key: lease.leaseId, of: lease.owner, peerPorts });
    const { taskId, instance, node } = lease;
    if (this.forwardsOf(lease.owner) + ways.length > this.config.mostPerAccount || !(await link.open(ways))) {
      this.logger.warn({ task: taskId, instance, node }, 'not all ports of an instance could be forwarded');
      link.close();
    }
  }

  /** Counts bytes, and ends the forwards of leases that are over: whatever their nodes say. */
  private async look(): Promise<void> {
    const all = [...this.links.values()];
    if (all.length === 0) return;
    for (const { link } of all) link.measure();
    try {
      const leases = all.map(({ link }) => link.lease);
      const found = await this.leases.inFlight(
        [...new Set(leases.map(({ taskId }) => taskId))],
        leases.map(({ leaseId }) => leaseId),
      );
      const alive = new Map(found.map(({ leaseId, node }) => [leaseId, node]));
      for (const entry of all) {
        const { leaseId, node } = entry.link.lease;
        if (alive.get(leaseId) === node) entry.isSeen = true;
        else if (entry.isSeen || performance.now() - entry.since > GRACE_MS) entry.link.close();
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'which forwarded instances are over could not be looked at');
    }
  }
}
