/** Rows that are let go of together. */
const BLOCK = 4_096;

/** How much is kept: what is older is left to the download. */
export interface Bounds {
  readonly rows: number;
  readonly characters: number;
}
const BOUNDS: Bounds = { rows: 1_000_000, characters: 2 ** 28 };
/** A line that is longer goes on in the next row: no browser lays out a line of megabytes. */
const LONGEST = 10_000;

interface OpenRow {
  readonly row: number;
  readonly text: string;
}

/**
 * Puts pieces of the output of many instances together to rows of text. A line that is not over yet stands where it began, and grows. Rows are numbered from the
 * first that there was; adding costs what is added, however many there are.
 */
export class LineBuffer {
  private blocks: string[][] = [];
  private sizes: number[] = [];
  private characters = 0;
  private readonly open = new Map<number, OpenRow>();
  private readonly openRows = new Set<number>();
  /** The first row that is kept. */
  first = 0;
  /** Behind the last row. */
  end = 0;

  constructor(
    private readonly hasPrefix: boolean,
    private readonly bounds: Bounds = BOUNDS,
  ) {}

  /** The text of a row; empty for one that is not kept. */
  at(row: number): string {
    const place = row - this.first;
    return this.blocks[Math.floor(place / BLOCK)]?.[place % BLOCK] ?? '';
  }

  /** Whether a row may still grow. */
  isOpen(row: number): boolean {
    return this.openRows.has(row);
  }

  add(instance: number, text: string): void {
    for (let from = 0; from < text.length;) {
      const end = text.indexOf('\n', from);
      this.extend(instance, text.slice(from, end === -1 ? undefined : end));
      if (end === -1) break;
      this.close(instance);
      from = end + 1;
    }
    while (this.end - this.first > this.bounds.rows || this.characters > this.bounds.characters)
      if (!this.dropBlock()) break;
  }

  private extend(instance: number, part: string): void {
    const known = this.open.get(instance);
    let row = known?.row ?? this.newRow();
    let whole = (known?.text ?? '') + part;
    while (whole.length > LONGEST) {
      this.put(instance, row, whole.slice(0, LONGEST));
      whole = whole.slice(LONGEST);
      this.openRows.delete(row);
      row = this.newRow();
    }
    this.put(instance, row, whole);
    this.open.set(instance, { row, text: whole });
    this.openRows.add(row);
  }

  private close(instance: number): void {
    const known = this.open.get(instance);
    if (known) this.openRows.delete(known.row);
    this.open.delete(instance);
  }

  private newRow(): number {
    if ((this.end - this.first) % BLOCK === 0) {
      this.blocks.push([]);
      this.sizes.push(0);
    }
    this.blocks.at(-1)?.push('');
    this.end += 1;
    return this.end - 1;
  }

  private put(instance: number, row: number, text: string): void {
    const shown = this.hasPrefix ? `${instance}> ${text}` : text;
    const place = row - this.first;
    const at = Math.floor(place / BLOCK);
    const block = this.blocks[at];
    if (block === undefined) return;
    const more = shown.length - (block[place % BLOCK]?.length ?? 0);
    block[place % BLOCK] = shown;
    this.sizes[at] = (this.sizes[at] ?? 0) + more;
    this.characters += more;
  }

  /** @returns whether there was one that is whole, and so is not the one that grows */
  private dropBlock(): boolean {
    if (this.blocks.length < 2) return false;
    this.blocks.shift();
    this.characters -= this.sizes.shift() ?? 0;
    this.first += BLOCK;
    for (const [instance, { row }] of this.open)
      if (row < this.first) {
        this.open.delete(instance);
        this.openRows.delete(row);
      }
    return true;
  }
}
