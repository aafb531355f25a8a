import type { LeaseList } from './lease-watch.js';

/** What a node has for files of instances, in megabytes of a million bytes. */
export interface NodeRoom {
  /** Offered in all, as far as anybody was told: what a node that holds nothing may be asked for. */
  readonly mostMB: number | undefined;
  /** Not promised to anybody, and there when the node looked last. */
  readonly freeMB: number;
}

interface Heard {
  readonly epoch: number;
  readonly nowMB: number;
  readonly mostMB: number;
}

/**
 * Room on the disks of nodes, as their heartbeats tell it: what a node said when it joined is as old as its session, and others use its disk as well. What
 * instances have written is no room any more, but is promised to them as well: so the most that was ever heard is what promises are taken from, and what
 * there is now bounds the rest.
 */
export class NodeRooms {
  private readonly heard = new Map<string, Heard>();

  /** @returns whether there may be more than before, so that something may be placed that could not be */
  hear({ node, nodeEpoch, diskMB }: Pick<LeaseList, 'node' | 'nodeEpoch' | 'diskMB'>): boolean {
    if (diskMB === undefined) return false;
    const known = this.heard.get(node);
    if (known && nodeEpoch < known.epoch) return false;
    const session = known?.epoch === nodeEpoch ? known : undefined;
    this.heard.set(node, { epoch: nodeEpoch, nowMB: diskMB, mostMB: Math.max(diskMB, session?.mostMB ?? 0) });
    return session === undefined || diskMB > session.nowMB;
  }

  /** The node is lost or retired: when it joins again, it says anew what room it has. */
  forget(node: string): void {
    this.heard.delete(node);
  }

  /**
   * @param joinedMB what the node said when it joined
   * @param promisedMB what leases on it were promised
   */
  of(node: string, epoch: number, joinedMB: number | undefined, promisedMB: number): NodeRoom {
    const heard = this.heard.get(node);
    if (heard?.epoch !== epoch) return { mostMB: joinedMB, freeMB: Math.max(0, (joinedMB ?? 0) - promisedMB) };
    const mostMB = Math.max(joinedMB ?? 0, heard.mostMB);
    return { mostMB, freeMB: Math.max(0, Math.min(mostMB - promisedMB, heard.nowMB)) };
  }
}
