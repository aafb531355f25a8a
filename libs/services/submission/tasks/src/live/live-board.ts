import type { LiveInstance, LiveMessage } from '@fornax/contracts';

/** The node that an instance runs on, as it describes itself. */
export type LiveHost = Omit<LiveMessage, 'instances'>;

/** What is known of one lease now. */
export interface LiveLease {
  readonly node: string;
  readonly host: LiveHost;
  readonly instance: LiveInstance;
  /** When the message came, by this process's clock. */
  readonly at: number;
  /** Where forwarded ports of the instance are reached: a node tells of ports alone. */
  readonly forwarder: Forwarder;
}

/** The machine that forwards to instances: as users reach it, and the address that it listens on. */
export interface Forwarder {
  readonly publicHost: string;
  readonly host: string;
}
const HERE: Forwarder = { publicHost: '127.0.0.1', host: '127.0.0.1' };

/** By `liveKey`. */
export type LiveLeases = ReadonlyMap<string, LiveLease>;

/** A lease as told by one node: only what the node that has it tells is believed, and no other can speak in its stead. */
export const liveKey = (node: string, leaseId: string): string => JSON.stringify([node, leaseId]);

export const nothingLive: LiveLeases = new Map();

/** A node tells every second; what one that is silent for so long said last is not true any more. */
export const SILENT_AFTER_MS = 5_000;
/** Nodes and, of all of them together, leases that are kept: a bound on memory, far above what a fleet runs. */
const MAX_LEASES = 500_000;

interface Told {
  readonly at: number;
  readonly leases: readonly { readonly taskId: string; readonly key: string }[];
}

/** What the nodes said last, in memory. A node's message replaces the one before; times are given in, milliseconds. */
export class LiveBoard {
  private readonly nodes = new Map<string, Told>();
  private readonly tasks = new Map<string, Map<string, LiveLease>>();
  private leases = 0;
  private sweptAt = 0;

  /** @param forwarderOf who forwards, by what a node tells of it */
  constructor(private readonly forwarderOf: (seal: string | undefined) => Forwarder = () => HERE) {}

  take(node: string, { instances, ...host }: LiveMessage, at: number): void {
    this.forget(node);
    if (at - this.sweptAt > SILENT_AFTER_MS) this.sweep(at);
    const told: { taskId: string; key: string }[] = [];
    for (const instance of instances) {
      if (this.leases >= MAX_LEASES) break;
      const { taskId } = instance;
      const key = liveKey(node, instance.leaseId);
      let ofTask = this.tasks.get(taskId);
      if (!ofTask) this.tasks.set(taskId, (ofTask = new Map()));
      if (ofTask.has(key)) continue;
      ofTask.set(key, { node, host, instance, at, forwarder: this.forwarderOf(instance.forwarder) });
      told.push({ taskId, key });
      this.leases += 1;
    }
    if (told.length > 0) this.nodes.set(node, { at, leases: told });
  }

  /** What nodes that are not silent say of a task's leases. */
  of(taskId: string, now: number): LiveLeases {
    const found = this.tasks.get(taskId);
    if (!found) return nothingLive;
    return new Map([...found].filter(([, { at }]) => now - at <= SILENT_AFTER_MS));
  }

  get size(): number {
    return this.leases;
  }

  private forget(node: string): void {
    for (const { taskId, key } of this.nodes.get(node)?.leases ?? []) {
      const ofTask = this.tasks.get(taskId);
      if (ofTask?.delete(key)) this.leases -= 1;
      if (ofTask?.size === 0) this.tasks.delete(taskId);
    }
    this.nodes.delete(node);
  }

  private sweep(now: number): void {
    this.sweptAt = now;
    for (const [node, { at }] of this.nodes) if (now - at > SILENT_AFTER_MS) this.forget(node);
  }
}
