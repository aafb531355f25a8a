import type { MessageBounds } from '@fornax/contracts';

/** How many of the largest messages a sender may send at once; after that it has one a second. */
const AT_ONCE = 4;
/** What a message costs besides its bytes, so that tiny ones are bounded, too. */
const MESSAGE_BYTES = 512;

interface Left {
  readonly bytes: number;
  readonly at: number;
}

/**
 * How much of what one sender says is read: as many bytes a second as its largest message has, and four times that at once. The rest is for the
 * caller to drop before it is parsed; one sender alone could otherwise keep the process from everything else. Keeps a few bytes for each
 * sender, who must be somebody that was let in.
 */
export class MessageBudget {
  private readonly senders = new Map<string, Left>();

  /** @param nowMs milliseconds by a monotonic clock */
  constructor(
    private readonly bounds: Pick<MessageBounds, 'sizeBytes'>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /**
   * Takes a message from what the sender has left. One that is larger than any may be is not counted: whoever reads it refuses it by its size.
   * @returns whether there was enough; nothing is taken when not
   */
  take(sender: string, sizeBytes: number): boolean {
    if (sizeBytes > this.bounds.sizeBytes) return true;
    const now = this.nowMs();
    const most = AT_ONCE * this.bounds.sizeBytes;
    const { bytes, at } = this.senders.get(sender) ?? { bytes: most, at: now };
    const left = Math.min(most, bytes + ((now - at) / 1_000) * this.bounds.sizeBytes);
    const cost = sizeBytes + MESSAGE_BYTES;
    const isEnough = cost <= left;
    this.senders.set(sender, { bytes: isEnough ? left - cost : left, at: now });
    return isEnough;
  }
}
