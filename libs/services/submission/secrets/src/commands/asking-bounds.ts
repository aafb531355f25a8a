import { Allowance, Unavailable } from '@fornax/base';

/** Of one lease: an agent lets an instance ask 30 times at once and once a second, and an answer has eight parts at most. */
const OF_LEASE = { atOnce: 300, perSecond: 10 };
/** Of one node, for leases that it does not hold, and as long as nobody has said whether it does: an honest one asks for each lease that it lost once. */
const OF_STRANGE = { atOnce: 500, perSecond: 10 };
/** Leases, and nodes, that are remembered: those that asked last. */
const MOST = 10_000;

/** Bounds how often nodes ask for secrets, whatever their agents do: each request costs a question to the scheduler and rows of the database. */
export class AskingBounds {
  private readonly leases = new Map<string, Allowance>();
  private readonly nodes = new Map<string, Allowance>();

  constructor(private readonly now?: () => number) {}

  /** @throws Unavailable it asks too often */
  admit(node: string, leaseId: string): void {
    const strange = this.of(this.nodes, node, OF_STRANGE);
    if (!strange.take()) throw new Unavailable('This node asks for secrets of leases that it does not hold, too often');
    if (this.of(this.leases, JSON.stringify([node, leaseId]), OF_LEASE).take()) return;
    strange.giveBack();
    throw new Unavailable('This lease asks for secrets too often');
  }

  /** The lease that a node asked for is its own. */
  wasOwn(node: string): void {
    this.of(this.nodes, node, OF_STRANGE).giveBack();
  }

  private of(known: Map<string, Allowance>, name: string, { atOnce, perSecond }: typeof OF_LEASE): Allowance {
    const one = known.get(name) ?? new Allowance(atOnce, perSecond, this.now);
    known.delete(name);
    known.set(name, one);
    const [oldest] = known.keys();
    if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    return one;
  }
}
