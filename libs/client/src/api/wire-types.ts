/** Something that turns what came over the wire into what it should be, or throws: a zod schema is one. */
export interface Parser<T> {
  parse(input: unknown): T;
}

export interface ProjectionState {
  readonly name: string;
  readonly service: string;
  readonly sequence: number;
  readonly lag: number;
  /** Rows of an older version answer while new ones are folded, up to `sequence` of `of`. */
  readonly rebuilding?: { readonly sequence: number; readonly of: number };
}

/** Tasks for people: how many, and the first 20 by their ids. */
export interface NamedTasks {
  readonly count: number;
  readonly ids: readonly string[];
}

/** Whether the event log is the one that everything was made from. */
export interface LogState {
  /** Names the log as it is now; null when there is none. */
  readonly log: string | null;
  readonly isRight: boolean;
  readonly message: string;
  /** What an operator can do when it is not. */
  readonly ways: readonly string[];
  readonly known: { readonly epoch: string; readonly sequence: number } | null;
  readonly lastCommitAt: string | null;
  /** Rows of read models that are as they are because of what is missing in the log. */
  readonly lost: readonly { readonly table: string; readonly rows: number }[];
  /** Tasks that these rows are about, the first of them by name; older platforms do not say. */
  readonly lostTasks?: NamedTasks;
}

export interface Health {
  readonly status: string;
  /** With what an operator can do, where waiting does not help. */
  readonly reasons: readonly {
    readonly name: string;
    readonly reason: string;
    readonly ways?: readonly string[];
    readonly isWorkedOn?: boolean;
  }[];
  readonly degraded: readonly { readonly name: string; readonly reason: string }[];
  /** Why nothing may be written, and what to do. */
  readonly stops: readonly {
    readonly name: string;
    readonly status: number;
    readonly message: string;
    readonly ways: readonly string[];
  }[];
  readonly warnings: readonly string[];
  /** Of the services, with commas between several; empty for all but operators, absent of platforms that do not say. */
  readonly release?: string;
}

export interface ProjectionRebuild {
  readonly rows: Readonly<Record<string, number>>;
  readonly differences: readonly { readonly table: string; readonly onlyLive: number; readonly onlyRebuilt: number }[];
  /** Tasks with rows that only the live tables have. */
  readonly tasks?: NamedTasks;
  readonly events: number;
  readonly seconds: number;
  readonly swapped: boolean;
}

/** A place where the event log is damaged. */
export interface LogDamage {
  /** In the quarantine. */
  readonly id: string;
  readonly from: number;
  readonly through: number;
  readonly missing: number;
  readonly kind: 'missing' | 'changed';
  readonly reason: string;
  readonly isGivenUp: boolean;
}

/** What a part of the event log holds. */
export interface LogVerification {
  readonly from: number;
  readonly to: number;
  readonly head: number;
  readonly commits: number;
  readonly withoutChecksum: number;
  readonly damage: readonly LogDamage[];
}

/** A message that nobody could read, or a fold that threw on one aggregate. */
export interface QuarantineEntry {
  readonly id: string;
  readonly state: 'open' | 'retrying' | 'dropped' | 'retried';
  /** `damaged`: the event log has lost something there, or holds other bytes than were appended. */
  readonly kind: 'unreadable' | 'stopped' | 'damaged';
  readonly reason: string;
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string | null;
  readonly aggregate: string | null;
  readonly aggregateId: string | null;
  /** Whose fold has stopped; null for a message. */
  readonly follower: string | null;
  readonly sizeBytes: number | null;
  readonly foundAt: string;
  readonly foundBy: string;
  readonly decision: { readonly by: string; readonly at: string; readonly reason: string | null } | null;
}

export interface QuarantineDetail extends QuarantineEntry {
  readonly storedAt: string | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Its beginning. */
  readonly body: { readonly encoding: 'text' | 'hex'; readonly value: string; readonly isCut: boolean } | null;
}

/** A compute node as the fleet read model shows it. */
export interface FleetNode {
  readonly id: string;
  readonly status: string;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly hardware: { readonly cpuModel: string; readonly cores: number; readonly memoryMB: number };
  /** Null for all but operators. */
  readonly leases: number | null;
  readonly lastHeartbeat: string | null;
  /** Who drained it, when and why; null for all but operators. */
  readonly drain: { readonly at: string; readonly by: string; readonly reason: string | null } | null;
  /** Room for files of instances as the node said last, in megabytes; null where it does not tell, absent of servers that do not know. */
  readonly diskMB?: number | null;
  /** Since when its disk has been full, so that it is given no new instances; null while it has room, absent of servers that do not know. */
  readonly diskFullSince?: string | null;
  /** Of a node that joined with a token; null for others, and for all but operators. */
  readonly credential: { readonly status: 'open' | 'rotating' | 'revoked'; readonly issuedAt: string | null } | null;
}

/** The queue and what of each node is in use. */
export interface Scheduling {
  readonly unfinishedTasks: number;
  readonly queuedTasks: number;
  readonly waitingInstances: number;
  readonly leases: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly status: string;
    readonly cores: number;
    readonly usedCores: number;
    readonly memoryMB: number;
    readonly usedMemoryMB: number;
    readonly leases: number;
  }[];
}

/** Something that happened to a node. */
export interface NodeEventRecord {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
  readonly nodeId: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly cause: string | null;
  readonly epoch: number | null;
  readonly data: Readonly<Record<string, unknown>>;
}
export interface NodeEventPage {
  readonly events: readonly NodeEventRecord[];
  readonly next: number | null;
}

export interface BillLine {
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly outcome: string;
  readonly cause: string | null;
  readonly billedMs: number;
  readonly cores: number;
  readonly amountMicros: number;
  readonly currency: string;
  readonly rule: string;
  readonly priceListVersion: number;
  readonly sequence: number;
}

/** What a task costs, line by line: one for each attempt of an instance. */
export interface Bill {
  readonly taskId: string;
  readonly plan: string;
  readonly count: number;
  readonly totalMicros: number;
  readonly lines: readonly BillLine[];
}

export interface SnapshotRequest {
  readonly whitelist?: string;
  readonly blacklist?: string;
  readonly bucket?: string;
  readonly bucketPrefix?: string;
}

/** Trusts the platform for its own operator endpoints, whose answers have no clients beside this one. */
export const trusted = <T>(): Parser<T> => ({ parse: (input) => input as T });

/** For answers without a body. */
export const nothing: Parser<void> = { parse: () => undefined };
