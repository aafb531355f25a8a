import { activeTraceparent, countedFromZero, RpcClient, unlessAborted } from '@fornax/base';
import {
  type CancelOrder,
  dispatchConsumer,
  type DispatchOrder,
  type EnterOrder,
  dispatchSubject,
  type LeaseOrder,
  nodeRpcSubject,
  ORDER_HEADERS,
  outputReadReplySchema,
  rotateReplySchema,
  STREAMS,
  type TellOrder,
} from '@fornax/contracts';
import type { Driver, DriverFacts } from '@fornax/drivers';
import { connectNats, consumeBatches, DurablePublisher, onReconnect } from '@fornax/event-store';
import { S3Connection } from '@fornax/s3';
import type { NatsConnection } from '@nats-io/nats-core';

import { whatItRuns } from '../hardware/what-it-runs.js';
import { InputRecords } from '../instance/input-manifest.js';
import type { InstanceWorld } from '../instance/instance-world.js';
import type { Use } from '../instance/disk-share.js';
import { Instance } from '../instance/instance.js';
import type { InstanceDisk } from '../instance/instance-disk.js';
import { LeaseLine } from '../instance/lease-line.js';
import type { TaskImages } from '../instance/task-images.js';
import { takeSnapshot } from '../instance/snapshot.js';
import type { InputCache } from '../input-cache/input-cache.js';
import { LiveBeat } from '../live/live-beat.js';
import { OutputLine } from '../output/output-line.js';
import { Reporter } from '../output/reporter.js';
import type { Hardware } from '../hardware/hardware.js';
import { Membership } from './membership.js';
import { refuseSession } from '../ways/instance-ways.js';
import { TryTurns } from '../ways/try-turns.js';
import type { KeyRing } from '../enrollment/key-ring.js';
import { assertMayBeRemote } from '../enrollment/server-version.js';
import { DiskBound, usedOf } from './disk-bound.js';
import { DiskGuard } from './disk-guard.js';
import { DiskPromises } from './disk-promises.js';
import { allOf, type Fetchable } from './fetchable.js';
import type { WorkDisk } from './work-disk.js';
import { LeaderFence, parseOrders, SeenLeases } from './orders.js';

export interface AgentParts {
  readonly nodeId: string;
  readonly nats: { readonly url: string; readonly user?: string; readonly password?: string };
  /** Of a node that joined with a token, instead of a user and a password of the server's configuration. */
  readonly keys?: KeyRing;
  readonly storageUrl: string;
  /** How long results wait for a storage that fails; default ten minutes. */
  readonly patienceMs?: number;
  /** Silence of the storage after which a request to it has failed; default a minute. */
  readonly silenceMs?: number;
  readonly driver: Driver;
  readonly facts: DriverFacts;
  readonly hardware: Hardware;
  readonly log: { info(details: object, text: string): void; warn(details: object, text: string): void };
  /** How many leases may wait here for each core; none where absent. */
  readonly aheadPerCore?: number;
  /** What one instance may print in a second, on average; its share alone decides where absent or 0. */
  readonly outputBytesPerS?: number;
  readonly onEnded?: (outcome: string) => void;
  /** What one instance may have on the disk of a folder. */
  readonly diskBound?: { readonly folder: string; readonly bound: Use };
  readonly disk?: Pick<WorkDisk, 'room' | 'isFull' | 'shortage' | 'spare' | 'offeredMB'>;
  /** Inputs that are kept for later instances. */
  readonly cache?: InputCache | undefined;
  /** Images of tasks; absent: their commands run with the machine's files. */
  readonly images?: TaskImages | undefined;
}

const LEAVE_MS = 2_000;
const FLUSH_MS = 1_000;
const ROTATE_TIMEOUT_MS = 5_000;
/** Longer than an answer about output waits for the reader. */
const OUTPUT_READ_TIMEOUT_MS = 5_000;
/** A lease is given ahead where it should begin within half a second. */
const LONGEST_WAIT_MS = 2_000;

/** A storage that is away or busy for a moment ends no instance. */
const STORAGE = { tries: 6, maxConnections: 16, traceparent: activeTraceparent };

const keyOptions = (keys: KeyRing, log: AgentParts['log']) => ({
  credentials: () => keys.credentials(),
  onRefused: (error: Error): void => {
    keys.refused();
    log.warn(
      { reason: error.message },
      'the platform refuses this node: it was revoked, its registry is away, or its key was changed; trying again',
    );
  },
});

/** What a node speaks through: messages, what must be stored of them, questions, objects. */
interface Wires {
  readonly nc: NatsConnection;
  readonly publisher: DurablePublisher;
  readonly rpc: RpcClient;
  readonly s3: S3Connection;
}

/** Of ports of instances on which nothing listened before: each is a process for a moment, or a question to the platform. */
const PEER_TRIES_PER_SECOND = 100;

/** A node: joins the platform, runs the leases that it is given, says what became of them. */
export class Agent {
  readonly #instances = new Map<string, Instance>();
  readonly #stop = new AbortController();
  #seen = new SeenLeases();
  #leaders = new LeaderFence();
  readonly #ignored = countedFromZero('fornax.orders.ignored', [{}]);
  readonly #unreadable = countedFromZero('fornax.orders.unreadable', [{}]);
  readonly #loops: Promise<void>[] = [];
  readonly #live: LiveBeat;
  readonly #line: LeaseLine;
  readonly #output: OutputLine;
  readonly #records = new InputRecords();
  readonly #promises: DiskPromises | undefined;
  readonly #fetchable: Fetchable;
  readonly #peerTurns = new TryTurns(PEER_TRIES_PER_SECOND);
  #isDiskFull: boolean | undefined;
  #diskMB: number | undefined;
  #isClosing = false;
  #isChangingKey = false;

  private constructor(
    private readonly parts: AgentParts,
    private readonly wires: Wires,
    private readonly reporter: Reporter,
    readonly membership: Membership,
  ) {
    const { nc } = wires;
    this.#fetchable = allOf([parts.cache, parts.images]);
    this.#promises = parts.disk && new DiskPromises(parts.disk, this.#fetchable);
    parts.images?.leaveRoom(async () => this.#promises?.owed() ?? 0);
    this.#line = new LeaseLine(parts.hardware, LONGEST_WAIT_MS);
    const outputRead = nodeRpcSubject(parts.nodeId, 'output-read');
    this.#output = new OutputLine({
      ask: (request) => wires.rpc.request(outputRead, request, outputReadReplySchema, OUTPUT_READ_TIMEOUT_MS),
      bytesPerS: parts.outputBytesPerS ?? 0,
      onUnanswered: (error) => parts.log.warn({ err: error }, 'nobody says how far output was read: it goes on slowly'),
      nowMs: () => performance.now(),
    });
    this.#live = new LiveBeat({
      nodeId: parts.nodeId,
      hardware: parts.hardware,
      epoch: () => membership.session?.nodeEpoch,
      instances: () => this.#instances.values(),
      publish: (subject, text) => {
        if (!nc.isClosed() && !nc.isDraining()) nc.publish(subject, text);
      },
      onError: (error) => parts.log.warn({ err: error }, 'what the instances do could not be told'),
    });
  }

  /** Connects (waits for the server as long as it takes) and begins to work. */
  static async start(parts: AgentParts, signal?: AbortSignal): Promise<Agent> {
    const { nodeId, nats, keys, facts, hardware, log } = parts;
    const nc = await connectNats({
      ...nats,
      ...(keys ? keyOptions(keys, log) : {}),
      name: `node-agent ${nodeId}`,
      inboxPrefix: `_INBOX_${nodeId}`,
      ...(signal ? { signal } : {}),
    });
    try {
      assertMayBeRemote(nats.url, nc.info?.version ?? '');
    } catch (error) {
      await nc.close();
      throw error;
    }
    await keys?.connected();
    const publisher = new DurablePublisher(nc);
    const rpc = new RpcClient(nc);
    const onError = (error: unknown): void => log.warn({ err: error }, 'trying again');
    const reporter = new Reporter({
      publisher,
      nodeId,
      onError,
      // While leases wait here no core stands idle until the platform has heard of an end and given the next.
      mayGather: () => agent.#line.length > 0,
    });
    const membership: Membership = new Membership(
      nc,
      rpc,
      {
        nodeId,
        driver: facts.name,
        warnings: facts.warnings,
        hardware: { ...hardware, slots: true, ...whatItRuns(facts) },
        leasesAhead: (parts.aheadPerCore ?? 0) * hardware.cores,
      },
      {
        onLost: (reason) => agent.#fence(reason),
        onJoined: ({ nodeEpoch }) => log.info({ nodeEpoch, driver: facts.name, hardware }, 'joined'),
        onContact: (forMs) => parts.driver.allow(forMs),
        leases: () => agent.#instances.size,
        isDiskFull: () => agent.#isDiskFull,
        diskMB: () => agent.#diskMB,
        held: () => [...agent.#instances.values()].flatMap((instance) => instance.held ?? []),
        onError,
        onKeyDue: () => void agent.#changeKey().catch(onError),
      },
    );
    const agent: Agent = new Agent(
      parts,
      {
        nc,
        publisher,
        rpc,
        s3: new S3Connection({
          ...STORAGE,
          endpoint: parts.storageUrl,
          ...(parts.silenceMs === undefined ? {} : { silenceMs: parts.silenceMs }),
        }),
      },
      reporter,
      membership,
    );
    if (keys) onReconnect(nc, () => void keys.connected().catch(onError));
    agent.#live.start();
    agent.#loops.push(membership.run(agent.#stop.signal), agent.#consume());
    if (parts.disk) agent.#loops.push(agent.#guard(parts.disk));
    if (parts.diskBound) agent.#loops.push(agent.#hold(parts.diskBound));
    return agent;
  }

  get leases(): number {
    return this.#instances.size;
  }

  get isReady(): boolean {
    return this.membership.session !== undefined && !this.wires.nc.isClosed();
  }

  /** Kills the instances, gives their leases back and disconnects: within five seconds. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#live.stop();
    await Promise.all([...this.#instances.values()].map((instance) => instance.drop()));
    const left = this.membership
      .leave(LEAVE_MS)
      .catch((error: unknown) =>
        this.parts.log.warn({ err: error }, 'could not leave; the platform will miss our heartbeats'),
      );
    await Promise.all([
      left,
      Promise.race([this.reporter.flush(), new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())]),
    ]);
    this.#stop.abort();
    this.reporter.close();
    await this.parts.driver.close();
    await this.parts.cache
      ?.close()
      .catch((error: unknown) => this.parts.log.warn({ err: error }, 'the cache of inputs'));
    this.wires.s3.close();
    this.#output.close();
    this.wires.publisher.close();
    await this.wires.nc.close();
    await Promise.all(this.#loops);
  }

  #disks(): Iterable<InstanceDisk> {
    return this.#instances.values().map(({ disk }) => disk);
  }

  /** Ends who has more on the disk of this node than one instance may. */
  #hold({ folder, bound }: NonNullable<AgentParts['diskBound']>): Promise<void> {
    const { log } = this.parts;
    return new DiskBound({
      bound,
      users: () => this.#disks(),
      used: () => usedOf(folder),
      onEnd: (why) => log.info({ why }, 'an instance has more files than it may'),
      onError: (error) => log.warn({ err: error }, 'what instances have on the disk could not be looked at'),
    }).run(this.#stop.signal);
  }

  /** Ends who fills the disk of this node. */
  #guard(disk: Pick<WorkDisk, 'shortage' | 'offeredMB'>): Promise<void> {
    const { log } = this.parts;
    return new DiskGuard({
      shortage: async () => {
        let missing = await disk.shortage();
        if (missing > 0 && this.#fetchable.bytes > 0) {
          // What can be fetched again goes before what somebody works on.
          await this.#fetchable.free(missing);
          missing = await disk.shortage();
        }
        this.#isDiskFull = missing > 0;
        this.#diskMB = await disk.offeredMB(this.#fetchable);
        return missing;
      },
      users: () => this.#disks(),
      onEnd: (bytes) => log.warn({ bytes }, 'disk full: the instance whose files take most of it is ended'),
      onError: (error) => log.warn({ err: error }, 'what fills the disk could not be looked for'),
    }).run(this.#stop.signal);
  }

  /** Makes the next key known and connects with it; instances go on meanwhile. */
  async #changeKey(): Promise<void> {
    const { keys, nodeId, log } = this.parts;
    if (!keys || this.#isChangingKey) return;
    this.#isChangingKey = true;
    try {
      const publicKey = await keys.prepare();
      const request = { nodeId, publicKey };
      await this.wires.rpc.request(nodeRpcSubject(nodeId, 'rotate'), request, rotateReplySchema, ROTATE_TIMEOUT_MS);
      log.info({ publicKey }, 'connecting with a new key');
      await this.wires.nc.reconnect();
    } finally {
      this.#isChangingKey = false;
    }
  }

  /** Everything of this session ends now: its leases are somebody else's, or will be. */
  async #fence(reason: string): Promise<void> {
    const held = [...this.#instances.values()];
    this.parts.log.warn({ reason, instances: held.length }, 'session lost, killing its instances');
    this.reporter.dropAll();
    await Promise.all(held.map((instance) => instance.drop()));
    this.#seen = new SeenLeases();
    this.#leaders = new LeaderFence();
  }

  async #consume(): Promise<void> {
    const { nodeId, log } = this.parts;
    // The registry makes the consumer when the node joins.
    const { signal } = this.#stop;
    if (!(await unlessAborted(this.membership.ready(), signal))) return;
    const consumer = {
      stream: STREAMS.dispatch,
      durable: dispatchConsumer(nodeId),
      asksSingly: true,
      filterSubject: dispatchSubject(nodeId),
    };
    await consumeBatches(
      this.wires.nc,
      { ...consumer, signal, onError: (error) => log.warn({ err: error }, 'reading orders again') },
      async (messages) => {
        // Between two sessions nobody knows which orders are meant: they wait.
        if (!(await unlessAborted(this.membership.ready(), signal))) throw new Error('the agent stops');
        for (const { data, headers } of messages) {
          const epoch = headers(ORDER_HEADERS.leaderEpoch);
          if (!this.#leaders.admits(epoch)) {
            this.#ignored.add(1);
            log.warn({ epoch }, 'orders of a scheduler that was replaced are ignored');
            continue;
          }
          const orders = parseOrders(data, (reason) => {
            this.#unreadable.add(1);
            log.warn({ reason, sizeBytes: data.length }, 'what came as orders cannot be read and was dropped');
          });
          for (const order of orders) this.#accept(order);
        }
      },
    );
  }

  #accept(order: DispatchOrder): void {
    // Leases that come now are given back with the others.
    if (this.#isClosing) return;
    if (order.kind === 'cancel') this.#stopInstance(order);
    else if (order.kind === 'tell') this.#tell(order);
    else if (order.kind === 'resources') this.#instances.get(order.leaseId)?.refresh(order.update);
    else if (order.kind === 'snapshot')
      void takeSnapshot(this.#snapshotWorld, order, this.#instances.get(order.leaseId));
    else if (order.kind === 'enter') this.#enter(order);
    // The session of this instant: one that was lost a moment ago may not begin anything any more.
    else if (order.nodeEpoch === this.membership.session?.nodeEpoch) this.#take(order);
  }

  #enter(order: EnterOrder): void {
    if (this.#instances.get(order.leaseId)?.enter(order) === true) return;
    void refuseSession(order, 'the instance does not run any more, or not yet', this.#stop.signal);
  }

  #stopInstance({ leaseId, because }: CancelOrder): void {
    const instance = this.#instances.get(leaseId);
    if (because === 'not-held') void instance?.drop();
    else if (because === 'stuck') instance?.giveUp();
    else instance?.cancel();
  }

  /** Says what became of a lease. One that is not known here is not begun any more: the platform gives its instance to another. */
  #tell({ leaseId, taskId, instance, nodeEpoch }: TellOrder): void {
    if (nodeEpoch !== this.membership.session?.nodeEpoch) return;
    const end = this.#seen.endOf(leaseId);
    const held = this.#instances.get(leaseId);
    if (end) this.reporter.report(nodeEpoch, end);
    else if (held?.held) held.tellAgain();
    else {
      this.#seen.add(leaseId);
      this.reporter.report(nodeEpoch, { kind: 'unknown', leaseId, taskId, instance });
    }
  }

  #take(order: LeaseOrder): void {
    if (this.#seen.add(order.leaseId)) {
      this.#begin(order);
      return;
    }
    const end = this.#seen.endOf(order.leaseId);
    if (end) this.reporter.report(order.nodeEpoch, end);
  }

  #begin(order: LeaseOrder): void {
    const { nodeEpoch } = order;
    const { nodeId, driver, facts, log, onEnded } = this.parts;
    const world: InstanceWorld = {
      nodeId,
      driver,
      path: facts.path,
      laysOver: facts.laysOver,
      masksUsers: () => driver.masksUsers?.() ?? Promise.resolve(facts.masksUsers === true),
      rpc: this.wires.rpc,
      publisher: this.wires.publisher,
      s3: this.wires.s3,
      output: this.#output,
      cache: this.parts.cache,
      images: this.parts.images,
      records: this.#records,
      ...(this.parts.diskBound ? { diskBound: this.parts.diskBound.bound } : {}),
      isDiskFull: async () => (await this.parts.disk?.isFull()) === true,
      // In a slot it has the slot's room, unless the disk has none for anybody.
      ...(order.inSlot === undefined || this.#isDiskFull === true
        ? { room: async (signal) => this.#promises?.enter(instance.disk, signal) }
        : {}),
      ...(order.inSlot === undefined ? { turn: (order, signal) => this.#line.enter(order, signal) } : {}),
      slot: (leaseId) => this.#instances.get(leaseId)?.slot,
      peer: (taskId, number) =>
        [...this.#instances.values()].find(
          ({ phase, order: { taskId: its, instance } }) => phase === 'running' && its === taskId && instance === number,
        ),
      peerTurns: this.#peerTurns,
      ghz: () => this.#live.ghz,
      ...(this.parts.patienceMs === undefined ? {} : { patienceMs: this.parts.patienceMs }),
      isHeld: () => this.membership.holds(nodeEpoch),
      report: (report) => {
        // What the warden ended while this process stood still is for whoever has the lease now to tell of.
        if (!this.membership.holds(nodeEpoch)) return;
        if (report.kind === 'ended') onEnded?.(report.outcome);
        if (report.kind === 'ended' || report.kind === 'returned') this.#seen.keepEnd(report);
        this.reporter.report(nodeEpoch, report);
      },
      onError: (error) => log.warn({ err: error, task: order.taskId, instance: order.instance }, 'instance'),
    };
    const instance: Instance = new Instance(world, order);
    this.#instances.set(order.leaseId, instance);
    void instance.done.then(() => {
      this.#promises?.leave(instance.disk);
      this.#instances.delete(order.leaseId);
    });
  }

  get #snapshotWorld(): Parameters<typeof takeSnapshot>[0] {
    return { nodeId: this.parts.nodeId, rpc: this.wires.rpc, publisher: this.wires.publisher, s3: this.wires.s3 };
  }
}
