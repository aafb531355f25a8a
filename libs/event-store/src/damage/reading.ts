import { type Gap, gapBefore } from './gaps.js';

/** A message that a reader was given, and the last one of its subject before it, as its writer said. */
export interface Given {
  readonly subject: string;
  readonly sequence: number;
  /** Sequence of the commit of the same aggregate that this one was decided on; 0 for the first, undefined where nobody said. */
  readonly previous: number | undefined;
}

/** Finds what a reader was not given although it should have been. `gapBefore` is asked for each message, in order, before `given`. */
export interface Reading {
  gapBefore(message: Given): Gap | undefined;
  given(message: Given): void;
}

/** Up to where a reader was given what it wanted of the archive alone, and what lies between was left out. */
export interface Chosen {
  upTo: number;
}

/** Of somebody who reads everything behind a place: the sequences follow one another. */
export class WholeReading implements Reading {
  constructor(
    private position: number,
    private readonly chosen: Readonly<Chosen> = { upTo: 0 },
  ) {}

  gapBefore({ sequence }: Given): Gap | undefined {
    const { upTo } = this.chosen;
    return sequence <= upTo ? undefined : gapBefore(sequence, Math.max(this.position, upTo));
  }

  given({ sequence }: Given): void {
    this.position = sequence;
  }
}

/** Subjects that are remembered; beyond, what was read before is no longer looked for. */
const MAX_SUBJECTS = 100_000;

/**
 * Of somebody who reads some subjects only, so that sequences are left out: each commit names the one of its aggregate that it was decided
 * on, which must have come before it. The last commit of an aggregate has nobody who names it; `fornax log verify` finds that one.
 */
export class PartReading implements Reading {
  private readonly last = new Map<string, number>();

  /** @param from the first sequence that is read */
  constructor(private from: number) {}

  gapBefore({ subject, previous }: Given): Gap | undefined {
    if (previous === undefined || previous < this.from || this.last.get(subject) === previous) return undefined;
    return { from: previous, through: previous, missing: 1 };
  }

  given({ subject, sequence }: Given): void {
    if (this.last.size >= MAX_SUBJECTS && !this.last.has(subject)) {
      this.last.clear();
      this.from = sequence;
    }
    this.last.set(subject, sequence);
  }
}
