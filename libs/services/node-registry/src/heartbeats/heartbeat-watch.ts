import type { Heartbeat } from '@fornax/contracts';
import type { NodeState } from '@fornax/domain';

/** A node that has been silent for the grace period. */
export interface SilentNode {
  readonly nodeId: string;
  readonly epoch: number;
  /** Since its last beat; absent where none of this session was heard. */
  readonly silentMs?: number;
}

/** A node whose disk is not as the log says. */
export interface DiskNews {
  readonly nodeId: string;
  readonly epoch: number;
  readonly isFull: boolean;
}

interface Disk {
  readonly isFull: boolean;
  /** Since when its beats have said so, by the registry's monotonic clock. */
  readonly since: number;
  /** How long a disk must have room before that is reported. */
  readonly roomMs: number;
}

interface Beat {
  readonly epoch: number;
  readonly leases: number;
  /** By the registry's monotonic clock. */
  readonly heardAt: number;
  /** The time of day, for people. */
  readonly at: number;
  /** Undefined as long as the session has said nothing of it. */
  readonly disk: Disk | undefined;
  /** Room for files of instances; undefined as long as the session has said nothing of it. */
  readonly diskMB: number | undefined;
}

/** The part of the grace period for which a node must have had room, so that one whose disk fills and empties by the second does not fill the log. */
const LEAST_OF_GRACE = 1 / 4;
/**
 * Each time that room was told and did not last, it must last twice as long, but never longer than this: whoever fills a disk for seconds, again and
 * again, takes the node from everybody for as long. What has lasted so long is forgiven.
 */
const MOST_ROOM_MS = 60_000;

/**
 * When nodes were heard last. Silence is measured by the registry's own monotonic clock (`elapsed`): neither a node's clock nor a step of the
 * registry's says anything about it.
 */
export class HeartbeatWatch {
  private readonly beats = new Map<string, Beat>();

  /** @param since when listening began: nobody can be called silent for longer than somebody listened */
  constructor(
    private readonly graceMs: number,
    private since: number,
  ) {}

  /** Listening begins anew: after a lost connection, a stall of this process, or a change of leader. */
  restart(elapsed: number): void {
    this.since = elapsed;
  }

  /** @param at the time of day, which people are told */
  hear(
    heartbeat: Pick<Heartbeat, 'nodeId' | 'nodeEpoch' | 'leases' | 'isDiskFull' | 'diskMB'>,
    elapsed: number,
    at: number,
  ): void {
    const { nodeId, nodeEpoch, leases, isDiskFull, diskMB } = heartbeat;
    const known = this.beats.get(nodeId);
    // A late beat of an earlier session says nothing about the current one.
    if (known && nodeEpoch < known.epoch) return;
    const session = known?.epoch === nodeEpoch ? known : undefined;
    const before = session?.disk;
    const isSame = isDiskFull === undefined || isDiskFull === before?.isFull;
    const disk = isSame ? before : { isFull: isDiskFull, since: elapsed, roomMs: this.roomMs(before, elapsed) };
    this.beats.set(nodeId, {
      epoch: nodeEpoch,
      leases,
      heardAt: elapsed,
      at,
      disk,
      diskMB: diskMB ?? session?.diskMB,
    });
  }

  /** For how long there must be room from now on, given what was before. */
  private roomMs(before: Disk | undefined, elapsed: number): number {
    const leastMs = Math.min(MOST_ROOM_MS, this.graceMs * LEAST_OF_GRACE);
    if (!before || before.isFull) return before?.roomMs ?? leastMs;
    const lastedMs = elapsed - before.since;
    if (lastedMs >= MOST_ROOM_MS) return leastMs;
    return lastedMs < before.roomMs ? before.roomMs : Math.min(MOST_ROOM_MS, 2 * before.roomMs);
  }

  /** A node that has just joined is alive, before its first beat; one that asks for its epoch again holds what it held. */
  welcome(nodeId: string, epoch: number, elapsed: number, at: number): void {
    const known = this.beats.get(nodeId);
    this.hear({ nodeId, nodeEpoch: epoch, leases: known?.epoch === epoch ? known.leases : 0 }, elapsed, at);
  }

  lastBeat(nodeId: string): Pick<Beat, 'at' | 'leases' | 'diskMB'> | undefined {
    return this.beats.get(nodeId);
  }

  /** Nodes whose beats say something else of their disks than the log: full at once, room only once it has lasted. */
  disks(nodes: Iterable<NodeState>, elapsed: number): readonly DiskNews[] {
    const news: DiskNews[] = [];
    for (const { nodeId, epoch, status, diskFullSince } of nodes) {
      const beat = this.beats.get(nodeId);
      if ((status !== 'online' && status !== 'draining') || beat?.epoch !== epoch || !beat.disk) continue;
      const { isFull, since, roomMs } = beat.disk;
      const isCertain = isFull || elapsed - since >= roomMs;
      if (isCertain && isFull !== (diskFullSince !== undefined)) news.push({ nodeId, epoch, isFull });
    }
    return news;
  }

  silent(nodes: Iterable<NodeState>, elapsed: number): readonly SilentNode[] {
    const silent: SilentNode[] = [];
    for (const { nodeId, epoch, status } of nodes) {
      if (status !== 'online' && status !== 'draining') continue;
      const beat = this.beats.get(nodeId);
      const heardAt = beat && beat.epoch >= epoch ? Math.max(beat.heardAt, this.since) : this.since;
      if (elapsed - heardAt <= this.graceMs) continue;
      silent.push({ nodeId, epoch, ...(beat?.epoch === epoch ? { silentMs: elapsed - beat.heardAt } : {}) });
    }
    return silent;
  }
}

/** Heartbeats stretch with the size of the fleet, so that they stay at some thousand a second at most; four fit into the grace period. */
export const heartbeatInterval = (baseMs: number, graceMs: number, nodes: number): number =>
  Math.floor(Math.min(graceMs / 4, Math.max(baseMs, nodes / 2)));
