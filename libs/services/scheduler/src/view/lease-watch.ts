import type { HeldLease, HeldPhase } from '@fornax/contracts';
import type { LeasePhase, NodeStatus } from '@fornax/domain';
import type { TrackedLease } from './lease-book.js';
import type { SchedulerView } from './scheduler-view.js';

/** The leases that a node works on, all of them, as one of its heartbeats names them. */
export interface LeaseList {
  readonly node: string;
  readonly nodeEpoch: number;
  readonly held: readonly HeldLease[];
  /** Room for files of instances on the node's disk, as the same heartbeat tells it; absent where it does not. */
  readonly diskMB?: number;
}

/** What is to be done about the leases of one node. */
export interface LeaseVerdicts {
  /** The node is to say what became of them: it leaves them out, or the log is behind it. */
  readonly ask: readonly TrackedLease[];
  /** They do not move on: the node is to end them as failures of the platform. */
  readonly stop: readonly TrackedLease[];
  /** The node did neither: the platform ends them. */
  readonly end: readonly TrackedLease[];
  /** Lease ids that the node works on although the view does not have them on it: it is to kill them. */
  readonly strays: readonly string[];
}

export interface LeaseWatchLimits {
  /** How long a living node may leave a lease out before it is asked. */
  readonly missingMs: number;
  /** How long a lease may be in a phase that is not the command's without moving on. */
  readonly stuckMs: number;
}

/** A list may be older than what the log says, by what is under way between a node and the scheduler: one says nothing. */
const LISTS = 3;
const STRAY_LISTS = 2;
/** Beyond the duplicate window of the dispatch stream, though each question has an id of its own. */
const AGAIN_MS = 150_000;
/** How long a node may take to end a lease that it was told to stop. */
const STOP_MS = 60_000;
/** A node that makes leases up gets no more orders than this, and not faster. */
const MOST_STRAYS = 1_000;
const STRAYS_EVERY_MS = 5_000;

interface Watched {
  /** The phase that the node names, `missing` when it leaves the lease out, `behind` when it is further than the log. */
  readonly seen: HeldPhase | 'missing' | 'behind';
  readonly moved: number;
  readonly since: number;
  readonly lists: number;
  readonly firstAskedAt?: number;
  readonly askedAt?: number;
  readonly stoppedAt?: number;
}

interface NodeWatch {
  readonly epoch: number;
  readonly leases: ReadonlyMap<string, Watched>;
  readonly strays: ReadonlyMap<string, number>;
  readonly strayedAt: number;
}

const ORDER: Readonly<Record<LeasePhase | HeldPhase, number>> = {
  dispatched: 0,
  preparing: 0,
  executing: 1,
  running: 1,
  uploading: 2,
};

/**
 * Compares what nodes work on with what the log says that they hold. A node that does not list its leases (of an earlier version) is left
 * alone. For one lease:
 *
 *   listed  -> asked      the log is behind the node for three lists and `missingMs`: a start or an exit was lost
 *   listed  -> stopped    it has not moved for `stuckMs`, and its command does not run: how long that may run is the user's matter
 *   stopped -> ended      it is still listed a minute later
 *   missing -> asked      left out of three lists and for `missingMs`: its end was lost, or the node has forgotten it
 *   asked   -> ended      still missing after `stuckMs`
 *
 * A list costs what its node holds. Times are milliseconds by a monotonic clock.
 */
export class LeaseWatch {
  private readonly nodes = new Map<string, NodeWatch>();

  constructor(private readonly limits: LeaseWatchLimits) {}

  hear(view: SchedulerView, { node, nodeEpoch, held }: LeaseList, now: number): LeaseVerdicts {
    const state = view.node(node)?.state;
    const nothing: LeaseVerdicts = { ask: [], stop: [], end: [], strays: [] };
    // Leases of another session are over, or not given yet: whoever folds the node's events sees to those.
    if (state?.epoch !== nodeEpoch || !isPresent(state.status)) return nothing;
    const before = this.nodes.get(node);
    const known = before?.epoch === nodeEpoch ? before : undefined;
    const rest = new Map(held.map((lease) => [lease.leaseId, lease]));
    const leases = new Map<string, Watched>();
    const verdicts = { ask: [] as TrackedLease[], stop: [] as TrackedLease[], end: [] as TrackedLease[] };
    for (const lease of view.leases.onNode(node)) {
      const said = rest.get(lease.leaseId);
      rest.delete(lease.leaseId);
      const phase = phaseOf(view, lease);
      // Not in the log yet, or of another session.
      if (phase === undefined || lease.nodeEpoch !== nodeEpoch) continue;
      const watched = this.judge(see(known?.leases.get(lease.leaseId), said, phase, now), now, (verdict) =>
        verdicts[verdict].push(lease),
      );
      leases.set(lease.leaseId, watched);
    }
    const strays = new Map([...rest.keys()].map((id) => [id, (known?.strays.get(id) ?? 0) + 1]));
    const mayStop = now - (known?.strayedAt ?? -Infinity) >= STRAYS_EVERY_MS;
    const found = mayStop ? [...strays].filter(([, lists]) => lists >= STRAY_LISTS).map(([id]) => id) : [];
    const strayedAt = found.length > 0 ? now : (known?.strayedAt ?? -Infinity);
    if (!known) this.forgetGone(view);
    this.nodes.set(node, { epoch: nodeEpoch, leases, strays, strayedAt });
    return { ...verdicts, strays: found.slice(0, MOST_STRAYS) };
  }

  /** How many nodes are remembered. */
  get size(): number {
    return this.nodes.size;
  }

  /** Whether each node that may run something has said in its last list that it works on nothing that the view does not have on it. */
  hasHeardAll(view: SchedulerView): boolean {
    for (const [node, { state }] of view.allNodes()) {
      if (!isPresent(state.status)) continue;
      const known = this.nodes.get(node);
      if (known?.epoch !== state.epoch || known.strays.size > 0) return false;
    }
    return true;
  }

  /** Nodes that have gone, and sessions that are over, say nothing any more. */
  private forgetGone(view: SchedulerView): void {
    for (const [node, { epoch }] of this.nodes) {
      const state = view.node(node)?.state;
      if (state?.epoch !== epoch || !isPresent(state.status)) this.nodes.delete(node);
    }
  }

  private judge(watched: Watched, now: number, tell: (verdict: 'ask' | 'stop' | 'end') => void): Watched {
    const { missingMs, stuckMs } = this.limits;
    const { seen, since, lists, firstAskedAt, askedAt, stoppedAt } = watched;
    if (seen === 'missing' && firstAskedAt !== undefined && now - firstAskedAt >= stuckMs) {
      tell('end');
      return watched;
    }
    if (seen === 'missing' || seen === 'behind') {
      const isDue = lists >= LISTS && now - since >= missingMs && now - (askedAt ?? -Infinity) >= AGAIN_MS;
      if (!isDue) return watched;
      tell('ask');
      return { ...watched, firstAskedAt: firstAskedAt ?? now, askedAt: now };
    }
    if (seen === 'running' || now - since < stuckMs) return watched;
    if (stoppedAt === undefined) {
      tell('stop');
      return { ...watched, stoppedAt: now };
    }
    if (now - stoppedAt >= STOP_MS) tell('end');
    return watched;
  }
}

const isPresent = (status: NodeStatus): boolean => status === 'online' || status === 'draining';

const phaseOf = (view: SchedulerView, { taskId, instance, leaseId }: TrackedLease): LeasePhase | undefined => {
  const lease = view.task(taskId)?.state.inFlight.get(instance);
  return lease?.leaseId === leaseId ? lease.phase : undefined;
};

const see = (known: Watched | undefined, said: HeldLease | undefined, phase: LeasePhase, now: number): Watched => {
  const isBehind = said !== undefined && ORDER[said.phase] > ORDER[phase];
  const seen = said === undefined ? 'missing' : isBehind ? 'behind' : said.phase;
  const moved = said?.moved ?? 0;
  const isSame = known?.seen === seen && (known.moved === moved || seen === 'behind');
  return isSame ? { ...known, lists: known.lists + 1 } : { seen, moved, since: now, lists: 1 };
};
