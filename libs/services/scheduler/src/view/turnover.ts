import type { ResourceRequest } from '@fornax/domain';

/** What a node has ended of one size. */
export interface Ended {
  readonly request: ResourceRequest;
  readonly ended: number;
}

interface Count {
  readonly request: ResourceRequest;
  /** Number of the window that `now` counts in. */
  readonly window: number;
  readonly now: number;
  readonly before: number;
}

/** Leases that wait on a node are to begin within about as long. */
const WINDOW_MS = 500;

const keyOf = ({ cores, memoryMB }: ResourceRequest): string => `${cores} ${memoryMB}`;

/**
 * Counts how many leases of each size a node has ended within the last half second. That is how many it can be expected to begin in the next
 * one, so that many may wait there: a node that is slow, or busy with what takes long, is given nothing ahead. Times are milliseconds by a
 * monotonic clock.
 */
export class Turnover {
  private readonly nodes = new Map<string, Map<string, Count>>();

  count(node: string, { cores, memoryMB }: ResourceRequest, at: number): void {
    const sizes = this.nodes.get(node) ?? new Map<string, Count>();
    this.nodes.set(node, sizes);
    const request = { cores, memoryMB };
    const key = keyOf(request);
    const { window, now, before } = inWindow(sizes.get(key), request, at);
    sizes.set(key, { request, window, now: now + 1, before });
  }

  of(node: string, at: number): readonly Ended[] {
    const sizes = this.nodes.get(node);
    if (!sizes) return [];
    const found: Ended[] = [];
    for (const [key, known] of sizes) {
      const { request, now, before } = inWindow(known, known.request, at);
      // The window of before counts by the part of it that the last half second still covers.
      const ended = now + Math.floor(before * (1 - (at % WINDOW_MS) / WINDOW_MS));
      if (now + before === 0) sizes.delete(key);
      else if (ended > 0) found.push({ request, ended });
    }
    if (sizes.size === 0) this.nodes.delete(node);
    return found;
  }
}

const inWindow = (known: Count | undefined, request: ResourceRequest, at: number): Count => {
  const window = Math.floor(at / WINDOW_MS);
  if (known?.window === window) return known;
  return { request, window, now: 0, before: known?.window === window - 1 ? known.now : 0 };
};

/** How many leases of a size are on a node beyond its room, as if all that is beyond were of that size. */
export const overfill = (room: ResourceRequest, used: ResourceRequest, { cores, memoryMB }: ResourceRequest): number =>
  Math.max(0, beyond(room.cores, used.cores, cores), beyond(room.memoryMB, used.memoryMB, memoryMB));

const beyond = (room: number, used: number, each: number): number => (each > 0 ? Math.ceil((used - room) / each) : 0);
