import { describeGap, type Gap, without } from '../damage/gaps.js';
import { LogDamaged, type DamagedPlace } from '../log/event-log.js';
import { damagedPlaceOf, type QuarantineEntry } from './entries.js';

/** Where the event log itself is damaged, as the register tells: what is missing, and what holds other bytes than were appended. */
export class DamagedPlaces {
  private readonly places = new Map<string, DamagedPlace>();

  /** Takes in what the register says now. @returns the place that the entry is about, if it is about one */
  note(entry: QuarantineEntry): DamagedPlace | undefined {
    const place = damagedPlaceOf(entry);
    if (place === undefined) this.places.delete(entry.id);
    else this.places.set(entry.id, place);
    return place;
  }

  clear(): void {
    this.places.clear();
  }

  /** Given up or not, in the order of the log. */
  all(): readonly DamagedPlace[] {
    return [...this.places.values()].sort((a, b) => a.from - b.from);
  }

  /** Whether a sequence is known to be missing, given up or not. */
  isInGap(sequence: number): boolean {
    return this.all().some(({ isGap, from, through }) => isGap && from <= sequence && sequence <= through);
  }

  /**
   * Whether commits are missing at a place. Nobody may go past a gap that nobody has decided about.
   * @returns the last sequence of the gap that an operator has given up; undefined where there is none
   * @throws LogDamaged
   */
  gapAt(sequence: number): number | undefined {
    for (const place of this.places.values()) {
      const isThere = place.isGap && place.from <= sequence && sequence <= place.through;
      if (!isThere) continue;
      if (!place.isGivenUp) throw new LogDamaged(place.from, place.reason, place.id);
      if (place.missing === place.through - place.from + 1) return place.through;
    }
    return undefined;
  }

  /**
   * What of a gap nobody has given up yet.
   * @returns undefined where all of it is given up; `known` when the register has an entry of it
   */
  openIn(gap: Gap): { readonly open: Gap; readonly reason: string; readonly known?: LogDamaged } | undefined {
    const gaps = [...this.places.values()].filter(({ isGap }) => isGap);
    const [open] = without(
      gap,
      gaps.filter(({ isGivenUp }) => isGivenUp),
    );
    if (open === undefined) return undefined;
    const known = gaps.find(({ from, through }) => from <= open.from && open.through <= through);
    const reason = describeGap(open);
    return known ? { open, reason, known: new LogDamaged(known.from, known.reason, known.id) } : { open, reason };
  }
}
