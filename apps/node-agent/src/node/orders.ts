import type { z } from 'zod';
import { dispatchMessageSchema, type DispatchOrder, type NodeReport } from '@fornax/contracts';

const REMEMBERED = 20_000;
const REMEMBERED_ENDS = 1_000;

/** Leases that this agent has or had: orders come more than once. Forgets the oldest. */
export class SeenLeases {
  readonly #ids = new Set<string>();
  readonly #ends = new Map<string, NodeReport>();

  /** @returns whether the id is new */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) forgetOldest(this.#ids);
    return true;
  }

  /** Keeps how a lease ended, for a platform that asks for it again because it never heard. */
  keepEnd(report: NodeReport): void {
    this.#ends.set(report.leaseId, report);
    if (this.#ends.size > REMEMBERED_ENDS) forgetOldest(this.#ends);
  }

  endOf(id: string): NodeReport | undefined {
    return this.#ends.get(id);
  }
}

const forgetOldest = (memory: Set<string> | Map<string, unknown>): void => {
  const { value } = memory.keys().next();
  if (value !== undefined) memory.delete(value);
};

/**
 * Tells orders of the scheduler that leads from those of one that was replaced and does not know it yet: they carry the leader's epoch, and one
 * smaller than the highest heard is void. Holds for one session of the node: a new one begins with leases of its own, and what a leader of before
 * says about others finds nothing. Orders without an epoch are not the scheduler's (snapshots), or of an earlier version of it.
 */
export class LeaderFence {
  #highest = 0;

  /** @returns whether the orders are to be followed */
  admits(header: string | undefined): boolean {
    if (header === undefined) return true;
    const epoch = Number(header);
    if (!Number.isSafeInteger(epoch) || epoch < this.#highest) return false;
    this.#highest = epoch;
    return true;
  }
}

/**
 * Reads one message of orders; what is no order of ours is told to `onUnreadable` and dropped, for it would never get better. The reason holds
 * nothing of the message: orders carry secrets.
 */
export const parseOrders = (data: Uint8Array, onUnreadable: (reason: string) => void): readonly DispatchOrder[] => {
  const { data: orders, error } = dispatchMessageSchema.safeParse(jsonIn(data));
  if (orders) return orders;
  onUnreadable(reasonOf(error));
  return [];
};

const MAX_REASONS = 3;
const reasonOf = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, MAX_REASONS)
    .map(({ path, code }) => `${path.length === 0 ? 'it' : path.map(String).join('.').slice(0, 100)} (${code})`)
    .join(', ');

const jsonIn = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'));
  } catch {
    return undefined;
  }
};
