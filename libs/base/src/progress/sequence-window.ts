/** How much a window holds: this many items and this size at least (where there were as many), twice of each at most. */
export interface WindowBounds<T> {
  readonly items: number;
  readonly size: number;
  /** In whatever unit `size` is meant. */
  readonly sizeOf: (item: T) => number;
}

/** What one reader takes at once: it ends with the item that reaches one of the two. */
export interface Portion {
  readonly items: number;
  readonly size?: number;
}

/**
 * Holds the newest items of a sequence, bounded in number and size. Many read it, each from its own place; one that is behind the window reads
 * where everything is.
 */
export class SequenceWindow<T extends { readonly sequence: number }> {
  private kept: T[] = [];
  private size = 0;

  /** @param floor everything behind this place will be here */
  constructor(
    private floor: number,
    private readonly bounds: WindowBounds<T>,
  ) {}

  /** Whether everything behind `position` that was ever added is still here. */
  covers(position: number): boolean {
    return position >= this.floor;
  }

  /** Adds what lies behind all that is here, in order. */
  add(items: readonly T[]): void {
    for (const item of items) {
      this.kept.push(item);
      this.size += this.bounds.sizeOf(item);
    }
    this.forgetOld();
  }

  /** The first items behind `position`, which is covered. */
  after(position: number, { items: most, size: largest = Number.POSITIVE_INFINITY }: Portion): readonly T[] {
    const from = this.indexAfter(position);
    let to = from;
    for (let size = 0; to < this.kept.length && to - from < most && size < largest; to += 1) size += this.sizeAt(to);
    return this.kept.slice(from, to);
  }

  /** In large steps, so that it costs little. */
  private forgetOld(): void {
    const { items, size: enough } = this.bounds;
    if (this.kept.length <= 2 * items && this.size <= 2 * enough) return;
    let size = 0;
    let first = this.kept.length;
    while (first > 0 && this.kept.length - first < items && size < enough) {
      first -= 1;
      size += this.sizeAt(first);
    }
    this.floor = this.kept[first - 1]?.sequence ?? this.floor;
    this.kept = this.kept.slice(first);
    this.size = size;
  }

  private sizeAt(index: number): number {
    const item = this.kept[index];
    return item === undefined ? 0 : this.bounds.sizeOf(item);
  }

  private indexAfter(position: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.kept[middle]?.sequence ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
