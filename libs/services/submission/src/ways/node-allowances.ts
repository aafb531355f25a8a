import { Allowance } from '@fornax/base';

/** An honest node asks once for each instance that it starts, and again where the platform was away. */
const AT_ONCE = 200;
const PER_SECOND = 20;
/** Nodes that are remembered: those that asked last. */
const MOST = 10_000;

/** Bounds how often each node asks: a request costs a question to the scheduler, and rows of the database. */
export class NodeAllowances {
  private readonly known = new Map<string, Allowance>();

  take(node: string): boolean {
    const own = this.known.get(node) ?? new Allowance(AT_ONCE, PER_SECOND);
    this.known.delete(node);
    this.known.set(node, own);
    const [oldest] = this.known.keys();
    if (this.known.size > MOST && oldest !== undefined) this.known.delete(oldest);
    return own.take();
  }
}
