/** A lease that somebody says something is printed in. */
export interface ClaimedLease {
  /** Undefined for what an earlier version left in the stream. */
  readonly nodeId: string | undefined;
  readonly taskId: string;
  readonly leaseId: string;
}

/** About 200 bytes each; what falls out is looked up again. */
const MAX_LEASES = 10_000;
/** Leases of one node in the time of a window that are waited for in vain. An honest node has some when a task is deleted while it runs. */
const MOST_IN_VAIN = 20;
/** Leases that the rows are asked about for such a node, in one batch. */
const MOST_ASKED = 20;
const WINDOW_MS = 60_000;

const keyOf = ({ nodeId, taskId, leaseId }: ClaimedLease): string => `${nodeId ?? ''}\n${taskId}\n${leaseId}`;

/**
 * Leases that neither the log nor the rows had when the rows had caught up with the log. A dispatch is in the log before its node hears of it, so a lease
 * that was not there then is one that the node made up. A node that goes on making them up loses the others' patience for a while: what it says under a
 * lease that is known counts as before.
 */
export class UnknownLeases {
  /** Oldest first. */
  private readonly nobodys = new Set<string>();
  private readonly inVain = new Map<string, { readonly since: number; readonly count: number }>();

  constructor(private readonly nowMs: () => number) {}

  /** What the rows may know, each lease once. */
  worthAsking<C extends ClaimedLease>(claims: readonly C[]): readonly C[] {
    const asked = new Map<string, number>();
    return this.fresh(claims).filter(({ nodeId = '' }) => {
      const count = (asked.get(nodeId) ?? 0) + 1;
      asked.set(nodeId, count);
      return count <= MOST_ASKED || !this.isSuspect(nodeId);
    });
  }

  /** What the rows are to catch up for, each lease once; nothing for a node that has tried everybody's patience. */
  worthWaiting<C extends ClaimedLease>(claims: readonly C[]): readonly C[] {
    return this.fresh(claims).filter(({ nodeId = '' }) => !this.isSuspect(nodeId));
  }

  /** The rows have caught up and do not have it. */
  note(claim: ClaimedLease): void {
    const { nodeId = '' } = claim;
    this.nobodys.add(keyOf(claim));
    for (const oldest of this.nobodys) {
      if (this.nobodys.size <= MAX_LEASES) break;
      this.nobodys.delete(oldest);
    }
    const now = this.nowMs();
    const before = this.inVain.get(nodeId);
    const isOld = before === undefined || now - before.since >= WINDOW_MS;
    this.inVain.set(nodeId, isOld ? { since: now, count: 1 } : { since: before.since, count: before.count + 1 });
  }

  /** Should a lease come to be after all, whoever named it. */
  forget(nodeId: string, taskId: string, leaseId: string): void {
    this.nobodys.delete(keyOf({ nodeId, taskId, leaseId }));
  }

  private fresh<C extends ClaimedLease>(claims: readonly C[]): readonly C[] {
    const once = new Map(claims.map((claim) => [keyOf(claim), claim]));
    return [...once].filter(([key]) => !this.nobodys.has(key)).map(([, claim]) => claim);
  }

  private isSuspect(nodeId: string): boolean {
    const before = this.inVain.get(nodeId);
    return before !== undefined && before.count >= MOST_IN_VAIN && this.nowMs() - before.since < WINDOW_MS;
  }
}
